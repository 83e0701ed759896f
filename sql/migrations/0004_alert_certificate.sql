-- The DER behind a certificate of history is looked for among the alerts.
CREATE INDEX alert_certificate ON alert (cert_sha256)
  WHERE cert_sha256 IS NOT NULL;
