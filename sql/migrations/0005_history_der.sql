-- The bytes of certificates in history, where they are kept (keep_der).
--
-- Deflated (RFC 1951, raw) against another certificate of the same issuer as
-- preset dictionary: most of a certificate is its issuer's pattern. Partitions
-- are those of history, and are made when something is put there.

CREATE TABLE history_der (
  id bigint NOT NULL,
  not_after timestamptz NOT NULL,
  template integer NOT NULL,
  der bytea NOT NULL,
  PRIMARY KEY (id, not_after)
) PARTITION BY RANGE (not_after);
ALTER TABLE history_der ALTER COLUMN der SET STORAGE EXTERNAL;
COMMENT ON TABLE history_der IS 'Certificates of history as submitted, as far as they are kept; one for each row there';
COMMENT ON COLUMN history_der.id IS 'Of the row in history';
COMMENT ON COLUMN history_der.not_after IS 'Of the row in history';
COMMENT ON COLUMN history_der.template IS 'history_der_template.issuer, what it is deflated against; 0: it is not deflated';
COMMENT ON COLUMN history_der.der IS 'The certificate whose SHA-256 is history.sha256; raw deflate';

CREATE TABLE history_der_template (
  issuer integer PRIMARY KEY,
  der bytea NOT NULL
);
COMMENT ON TABLE history_der_template IS 'For each issuer some certificate of its: never changed, for others are deflated against it';
COMMENT ON COLUMN history_der_template.issuer IS 'history_issuer.issuer';
COMMENT ON COLUMN history_der_template.der IS 'The certificate, or its last 7,930 bytes';

CREATE FUNCTION history_add_der_partition(at timestamptz) RETURNS void
  LANGUAGE plpgsql
  AS $$
    DECLARE child text := 'history_der_' || (history_partition(at)).name;
    BEGIN
      IF to_regclass(child) IS NOT NULL THEN RETURN; END IF;
      -- Whoever comes second waits, and then finds it there.
      LOCK TABLE ONLY history_der IN SHARE UPDATE EXCLUSIVE MODE;
      IF to_regclass(child) IS NOT NULL THEN RETURN; END IF;
      EXECUTE format('CREATE TABLE %I (LIKE history_der INCLUDING ALL)', child);
      EXECUTE format('COMMENT ON TABLE %I IS %L', child,
                     'Partition of history_der');
      PERFORM history_attach('history_der', child, at);
    END
  $$;
COMMENT ON FUNCTION history_add_der_partition IS 'Creates the partition of history_der for a validity end, unless it is there';
