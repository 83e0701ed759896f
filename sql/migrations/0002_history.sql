-- History: every certificate read in archive mode, and where it was logged.
--
-- One row for each issuance. A precertificate, its final certificate and all
-- their sightings share the RFC 6962 TBS hash and with it the row.
--
-- The tables are made to hold billions of rows in few bytes each, so what
-- repeats is numbered (history_issuer, history_log), and names are written
-- relative to the row's domain. The views below show it all in plain words.
--
-- A domain is written from the right, its labels apart by spaces: "com example
-- www". A space sorts before all that a label can hold, so a name and
-- everything below it are one stretch of the index.

CREATE TABLE history_salt (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  salt bytea NOT NULL
);
INSERT INTO history_salt (salt)
  VALUES (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
COMMENT ON TABLE history_salt IS 'One row: makes history.id unpredictable, so that nobody can aim at a collision';
COMMENT ON COLUMN history_salt.only_row IS 'true';
COMMENT ON COLUMN history_salt.salt IS 'Random';

CREATE TABLE history_issuer (
  issuer integer PRIMARY KEY,
  name text NOT NULL,
  spki_sha256 bytea NOT NULL,
  UNIQUE (spki_sha256, name)
);
COMMENT ON TABLE history_issuer IS 'Issuers of certificates in history, numbered';
COMMENT ON COLUMN history_issuer.issuer IS 'Its number';
COMMENT ON COLUMN history_issuer.name IS 'Distinguished name';
COMMENT ON COLUMN history_issuer.spki_sha256 IS 'SHA-256 of its key, as precertificate entries state it; empty: only final certificates were seen';

CREATE TABLE history_log (
  log smallint PRIMARY KEY,
  log_id bytea NOT NULL UNIQUE
);
COMMENT ON TABLE history_log IS 'Logs that certificates in history were seen in, numbered';
COMMENT ON COLUMN history_log.log IS 'Its number';
COMMENT ON COLUMN history_log.log_id IS 'SHA-256 of its key';

CREATE TABLE history (
  id bigint NOT NULL,
  not_after timestamptz NOT NULL,
  not_before timestamptz NOT NULL,
  issuer integer NOT NULL,
  domain text COLLATE "C" NOT NULL,
  names text COLLATE "C" NOT NULL,
  organization text NOT NULL,
  serial bytea NOT NULL,
  spki bytea NOT NULL,
  sha256 bytea NOT NULL,
  final boolean NOT NULL,
  sightings bytea NOT NULL,
  PRIMARY KEY (domain, not_after, id)
) PARTITION BY RANGE (not_after);
COMMENT ON TABLE history IS 'Certificates, one row for each issuance, partitioned by the end of validity: a quarter of a year each, and history_other for dates far off';
COMMENT ON COLUMN history.id IS 'First 8 bytes of SHA-256 over the salt and the TBS hash';
COMMENT ON COLUMN history.not_after IS 'Last second of validity';
COMMENT ON COLUMN history.not_before IS 'Start of validity';
COMMENT ON COLUMN history.issuer IS 'Who issued it: history_issuer';
COMMENT ON COLUMN history.domain IS 'The first of its roots: names that no other name of the certificate is above; see history_root';
COMMENT ON COLUMN history.names IS 'All names, apart by spaces; those that end in a dot go on with the domain';
COMMENT ON COLUMN history.organization IS 'Of the subject; mostly empty';
COMMENT ON COLUMN history.serial IS 'Serial number, big endian';
COMMENT ON COLUMN history.spki IS 'First 16 bytes of the SHA-256 of its key';
COMMENT ON COLUMN history.sha256 IS 'SHA-256 of the final certificate, of the precertificate while only that is known';
COMMENT ON COLUMN history.final IS 'Whether the final certificate was seen';
COMMENT ON COLUMN history.sightings IS 'Where it was logged, see history_sightings()';

CREATE TABLE history_root (
  domain text COLLATE "C" NOT NULL,
  not_after timestamptz NOT NULL,
  id bigint NOT NULL,
  main text COLLATE "C" NOT NULL,
  PRIMARY KEY (domain, not_after, id)
) PARTITION BY RANGE (not_after);
COMMENT ON TABLE history_root IS 'The other roots of certificates that have several';
COMMENT ON COLUMN history_root.domain IS 'The root';
COMMENT ON COLUMN history_root.not_after IS 'Of the row in history';
COMMENT ON COLUMN history_root.id IS 'Of the row in history';
COMMENT ON COLUMN history_root.main IS 'The domain of the row in history';

CREATE TABLE history_range (
  log_id bytea NOT NULL,
  begin_index bigint NOT NULL,
  end_index bigint NOT NULL,
  PRIMARY KEY (log_id, begin_index),
  CHECK (begin_index < end_index)
);
COMMENT ON TABLE history_range IS 'Which entries of a log history holds';
COMMENT ON COLUMN history_range.log_id IS 'The log';
COMMENT ON COLUMN history_range.begin_index IS 'First index';
COMMENT ON COLUMN history_range.end_index IS 'Index behind the last';
