-- Logs, watches, alerts and the outbox.
--
-- Times of our own clock and of certificates are timestamptz. Numbers that a
-- log writes into signed structures stay what they are on the wire
-- (milliseconds or seconds since 1970, bigint): a hostile one may be no date
-- at all. Enumerations are text, for people; the program writes no others.
--
-- No table has a sequence, a trigger or a foreign key across distribution
-- columns, and every unique key of a table that may grow large begins with
-- what it would be distributed by (log_id, alert_id), so that a distributed
-- Postgres can hold them. Leases, positions and the outbox are meant to stay
-- local tables of one node.

CREATE TABLE log (
  log_id bytea PRIMARY KEY CHECK (octet_length(log_id) = 32),
  description text NOT NULL,
  operator text NOT NULL,
  kind text NOT NULL,
  key bytea NOT NULL,
  submission_url text NOT NULL,
  monitoring_url text NOT NULL,
  mmd bigint NOT NULL,
  list_state text NOT NULL,
  list_state_since timestamptz NOT NULL,
  log_type text NOT NULL,
  interval_start timestamptz,
  interval_end timestamptz,
  final_size bigint,
  final_root bytea,
  previous_operators jsonb NOT NULL DEFAULT '[]',
  listed boolean NOT NULL DEFAULT true,
  follow_state text NOT NULL DEFAULT 'new',
  state_reason text NOT NULL DEFAULT '',
  last_error text NOT NULL DEFAULT '',
  last_error_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE log IS 'Every log ever listed; never deleted, old keys check old SCTs';
COMMENT ON COLUMN log.log_id IS 'SHA-256 of the key';
COMMENT ON COLUMN log.description IS 'Its name in the log list';
COMMENT ON COLUMN log.operator IS 'Who runs it, by the log list';
COMMENT ON COLUMN log.kind IS 'rfc6962 or static';
COMMENT ON COLUMN log.key IS 'SubjectPublicKeyInfo, DER';
COMMENT ON COLUMN log.submission_url IS 'Where certificates are submitted; ends in /';
COMMENT ON COLUMN log.monitoring_url IS 'Where entries are read; ends in /';
COMMENT ON COLUMN log.mmd IS 'Maximum merge delay, seconds';
COMMENT ON COLUMN log.list_state IS 'pending, qualified, usable, readonly, retired, rejected or unknown';
COMMENT ON COLUMN log.list_state_since IS 'Since when, by the log list';
COMMENT ON COLUMN log.log_type IS 'prod, test …, by the log list; empty if not given';
COMMENT ON COLUMN log.interval_start IS 'First notAfter that it accepts';
COMMENT ON COLUMN log.interval_end IS 'First notAfter that it does not accept any more';
COMMENT ON COLUMN log.final_size IS 'Size of the final tree, once readonly';
COMMENT ON COLUMN log.final_root IS 'Root of the final tree';
COMMENT ON COLUMN log.previous_operators IS 'Array of {name, end_time in ms}';
COMMENT ON COLUMN log.listed IS 'Whether it is in the current list';
COMMENT ON COLUMN log.follow_state IS 'new, following, draining, complete, stopped or dead';
COMMENT ON COLUMN log.state_reason IS 'Why it is in that state';
COMMENT ON COLUMN log.last_error IS 'What last went wrong with it; empty: nothing';
COMMENT ON COLUMN log.last_error_at IS 'When that was';
COMMENT ON COLUMN log.created_at IS 'When we first heard of it';
COMMENT ON COLUMN log.updated_at IS 'Last change of this row';

CREATE TABLE log_head (
  log_id bytea NOT NULL,
  tree_size bigint NOT NULL,
  timestamp_ms bigint NOT NULL,
  root bytea NOT NULL,
  signature bytea NOT NULL,
  wire bytea NOT NULL,
  contradicted boolean NOT NULL DEFAULT false,
  seen_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (log_id, tree_size, timestamp_ms, root)
);
CREATE INDEX log_head_seen ON log_head (log_id, seen_at);
COMMENT ON TABLE log_head IS 'Heads seen whose signature held: evidence. Those older than a week are thinned out, contradicted ones and those that proofs lead to never';
COMMENT ON COLUMN log_head.log_id IS 'The log';
COMMENT ON COLUMN log_head.tree_size IS 'Number of entries';
COMMENT ON COLUMN log_head.timestamp_ms IS 'The log''s own time, ms since 1970';
COMMENT ON COLUMN log_head.root IS 'Root hash';
COMMENT ON COLUMN log_head.signature IS 'digitally-signed struct over the TreeHeadSignature';
COMMENT ON COLUMN log_head.wire IS 'The exact bytes received';
COMMENT ON COLUMN log_head.contradicted IS 'There is another head of this size with another root';
COMMENT ON COLUMN log_head.seen_at IS 'When we first saw it';

CREATE TABLE head_cosignature (
  log_id bytea NOT NULL,
  tree_size bigint NOT NULL,
  root bytea NOT NULL,
  witness text NOT NULL,
  cosigned_s bigint NOT NULL,
  seen_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (log_id, tree_size, root, witness)
);
COMMENT ON TABLE head_cosignature IS 'Witnesses whose cosignature of a head held';
COMMENT ON COLUMN head_cosignature.log_id IS 'The log';
COMMENT ON COLUMN head_cosignature.tree_size IS 'Size of the head';
COMMENT ON COLUMN head_cosignature.root IS 'Root of the head';
COMMENT ON COLUMN head_cosignature.witness IS 'Name of the witness''s key';
COMMENT ON COLUMN head_cosignature.cosigned_s IS 'The witness''s latest time for it, seconds since 1970';
COMMENT ON COLUMN head_cosignature.seen_at IS 'When we first saw it';

CREATE TABLE log_position (
  log_id bytea PRIMARY KEY,
  start_index bigint NOT NULL,
  next_index bigint NOT NULL,
  compact_range bytea NOT NULL,
  head_size bigint NOT NULL,
  head_timestamp_ms bigint NOT NULL,
  head_root bytea NOT NULL,
  newest_entry_ms bigint NOT NULL,
  rate double precision NOT NULL DEFAULT 0,
  verified_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE log_position IS 'How far each log is read and verified';
COMMENT ON COLUMN log_position.log_id IS 'The log';
COMMENT ON COLUMN log_position.start_index IS 'The first index ever read';
COMMENT ON COLUMN log_position.next_index IS 'The next index to read';
COMMENT ON COLUMN log_position.compact_range IS 'Hashes of the full subtrees of the first next_index leaves, largest first';
COMMENT ON COLUMN log_position.head_size IS 'Size of the verified head it was last tied to';
COMMENT ON COLUMN log_position.head_timestamp_ms IS 'Time of that head, ms since 1970';
COMMENT ON COLUMN log_position.head_root IS 'Root of that head';
COMMENT ON COLUMN log_position.newest_entry_ms IS 'Greatest entry timestamp read, ms since 1970';
COMMENT ON COLUMN log_position.rate IS 'Entries a second, lately';
COMMENT ON COLUMN log_position.verified_at IS 'When it last moved or was confirmed';
COMMENT ON COLUMN log_position.created_at IS 'When reading began';

CREATE TABLE log_lease (
  log_id bytea PRIMARY KEY,
  owner text NOT NULL,
  fence bigint NOT NULL,
  expires_at timestamptz NOT NULL
);
COMMENT ON TABLE log_lease IS 'Which process reads a log';
COMMENT ON COLUMN log_lease.log_id IS 'The log';
COMMENT ON COLUMN log_lease.owner IS 'The process; empty: nobody';
COMMENT ON COLUMN log_lease.fence IS 'Grows with every change of hands; older ones cannot commit';
COMMENT ON COLUMN log_lease.expires_at IS 'From then on another process may take it';

CREATE TABLE log_range (
  log_id bytea NOT NULL,
  begin_index bigint NOT NULL,
  end_index bigint NOT NULL,
  generation bigint NOT NULL,
  PRIMARY KEY (log_id, begin_index),
  CHECK (begin_index < end_index)
);
COMMENT ON TABLE log_range IS 'Which entries of a log are verified and matched: the base of coverage';
COMMENT ON COLUMN log_range.log_id IS 'The log';
COMMENT ON COLUMN log_range.begin_index IS 'First index';
COMMENT ON COLUMN log_range.end_index IS 'Index behind the last';
COMMENT ON COLUMN log_range.generation IS 'Of the watches it was matched against';

CREATE TABLE position_override (
  log_id bytea NOT NULL,
  overridden_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  why text NOT NULL,
  old_next_index bigint,
  old_compact_range bytea,
  new_next_index bigint,
  new_compact_range bytea,
  PRIMARY KEY (log_id, overridden_at)
);
COMMENT ON TABLE position_override IS 'Positions that an operator has set by hand';
COMMENT ON COLUMN position_override.log_id IS 'The log';
COMMENT ON COLUMN position_override.overridden_at IS 'When';
COMMENT ON COLUMN position_override.why IS 'The operator''s reason';
COMMENT ON COLUMN position_override.old_next_index IS 'next_index before; null: there was none';
COMMENT ON COLUMN position_override.old_compact_range IS 'compact_range before';
COMMENT ON COLUMN position_override.new_next_index IS 'next_index since; null: found anew';
COMMENT ON COLUMN position_override.new_compact_range IS 'compact_range since';

CREATE TABLE issuer (
  fingerprint bytea PRIMARY KEY,
  der bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE issuer IS 'Issuer certificates, kept for ever';
COMMENT ON COLUMN issuer.fingerprint IS 'SHA-256 of the certificate';
COMMENT ON COLUMN issuer.der IS 'The certificate';
COMMENT ON COLUMN issuer.created_at IS 'When we first fetched it';

CREATE TABLE watch (
  id text COLLATE "C" PRIMARY KEY,
  kind text NOT NULL,
  value text COLLATE "C" NOT NULL,
  pattern text NOT NULL,
  tags text[] NOT NULL DEFAULT '{}',
  allowed_issuers text[] NOT NULL DEFAULT '{}',
  allowed_spkis text[] NOT NULL DEFAULT '{}',
  grace_ms bigint NOT NULL DEFAULT 0,
  note text NOT NULL DEFAULT '',
  source text NOT NULL DEFAULT '',
  generation bigint NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (kind, value)
);
CREATE INDEX watch_source ON watch (source);
COMMENT ON TABLE watch IS 'What is watched';
COMMENT ON COLUMN watch.id IS 'Stable; alert ids are derived from it';
COMMENT ON COLUMN watch.kind IS 'subtree, exact, ip, email or organization';
COMMENT ON COLUMN watch.value IS 'Canonical host, address/length or organisation';
COMMENT ON COLUMN watch.pattern IS 'As people write it';
COMMENT ON COLUMN watch.tags IS 'For routing alerts to channels';
COMMENT ON COLUMN watch.allowed_issuers IS 'Issuers whose certificates are expected';
COMMENT ON COLUMN watch.allowed_spkis IS 'SHA-256 of subject keys known as ours, hex';
COMMENT ON COLUMN watch.grace_ms IS 'How long telling waits for the certificate to be registered, ms';
COMMENT ON COLUMN watch.note IS 'Free text';
COMMENT ON COLUMN watch.source IS 'cli, or the name given to watch apply';
COMMENT ON COLUMN watch.generation IS 'watch_generation when it was added: entries matched at this one or a later one were looked through for it';
COMMENT ON COLUMN watch.created_at IS 'When it was added';
COMMENT ON COLUMN watch.updated_at IS 'Last change of this row';

CREATE TABLE expectation (
  id text COLLATE "C" PRIMARY KEY,
  kind text NOT NULL,
  value bytea NOT NULL,
  names text[] NOT NULL DEFAULT '{}',
  note text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX expectation_value ON expectation (value);
COMMENT ON TABLE expectation IS 'Certificates announced by their owner';
COMMENT ON COLUMN expectation.id IS 'Stable name';
COMMENT ON COLUMN expectation.kind IS 'tbs: this issuance; spki: this key, from a CSR';
COMMENT ON COLUMN expectation.value IS 'SHA-256 of the RFC 6962 TBS or of the key';
COMMENT ON COLUMN expectation.names IS 'spki: the only names such a certificate may have; empty: any';
COMMENT ON COLUMN expectation.note IS 'Free text';
COMMENT ON COLUMN expectation.created_at IS 'When it was registered';

CREATE TABLE watch_generation (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  generation bigint NOT NULL
);
INSERT INTO watch_generation (generation) VALUES (1);
COMMENT ON TABLE watch_generation IS 'One row: changes whenever watches or expectations do; its row lock puts those changes and commits of findings in order';
COMMENT ON COLUMN watch_generation.only_row IS 'true';
COMMENT ON COLUMN watch_generation.generation IS 'Grows';

CREATE TABLE alert (
  id text COLLATE "C" PRIMARY KEY,
  state text NOT NULL,
  severity text NOT NULL,
  kind text NOT NULL,
  title text NOT NULL,
  reason text NOT NULL,
  note text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  watch_id text NOT NULL DEFAULT '',
  watch text NOT NULL DEFAULT '',
  tags text[] NOT NULL DEFAULT '{}',
  names text[] NOT NULL DEFAULT '{}',
  log_id bytea,
  log text NOT NULL DEFAULT '',
  evidence text NOT NULL DEFAULT '',
  tbs_sha256 bytea,
  cert_sha256 bytea,
  cert_is_final boolean NOT NULL DEFAULT false,
  der bytea,
  tbs bytea,
  issuer text,
  issuer_name text,
  issuer_spki_sha256 bytea,
  subject text,
  serial text,
  not_before timestamptz,
  not_after timestamptz,
  spki_sha256 bytea,
  key_description text,
  all_names text[],
  scts jsonb,
  cert_notes text[]
);
CREATE INDEX alert_created ON alert (created_at);
CREATE INDEX alert_live ON alert (created_at) WHERE state IN ('open', 'acknowledged');
CREATE INDEX alert_tbs ON alert (tbs_sha256) WHERE state IN ('open', 'acknowledged');
CREATE INDEX alert_spki ON alert (spki_sha256) WHERE state IN ('open', 'acknowledged');
CREATE INDEX alert_log ON alert (log_id, kind) WHERE log_id IS NOT NULL;
COMMENT ON TABLE alert IS 'Matched certificates, expected ones included, and troubles with logs';
COMMENT ON COLUMN alert.id IS 'Derived from what it is about: watch and issuance, or kind, log and episode';
COMMENT ON COLUMN alert.state IS 'open, acknowledged, resolved or expected';
COMMENT ON COLUMN alert.severity IS 'info, low, medium, high or critical';
COMMENT ON COLUMN alert.kind IS 'unexpected_certificate, log_fork …';
COMMENT ON COLUMN alert.title IS 'One line';
COMMENT ON COLUMN alert.reason IS 'Sentences: which name, which watch, why unexpected';
COMMENT ON COLUMN alert.note IS 'Of whoever acknowledged or resolved it';
COMMENT ON COLUMN alert.created_at IS 'When it was found';
COMMENT ON COLUMN alert.updated_at IS 'Last change of state or facts';
COMMENT ON COLUMN alert.watch_id IS 'The watch; empty for log alerts';
COMMENT ON COLUMN alert.watch IS 'The watch''s pattern at that time';
COMMENT ON COLUMN alert.tags IS 'The watch''s tags at that time';
COMMENT ON COLUMN alert.names IS 'The names that matched';
COMMENT ON COLUMN alert.log_id IS 'Log alerts: the log';
COMMENT ON COLUMN alert.log IS 'Log alerts: the log''s description';
COMMENT ON COLUMN alert.evidence IS 'Log alerts: JSON with heads, proofs and bytes as received';
COMMENT ON COLUMN alert.tbs_sha256 IS 'SHA-256 of the RFC 6962 TBS: names the issuance';
COMMENT ON COLUMN alert.cert_sha256 IS 'SHA-256 of der; null while only a TBS is known';
COMMENT ON COLUMN alert.cert_is_final IS 'der is the final certificate, not the precertificate';
COMMENT ON COLUMN alert.der IS 'Certificate or precertificate';
COMMENT ON COLUMN alert.tbs IS 'What the log hashed, for precertificate entries';
COMMENT ON COLUMN alert.issuer IS 'Issuer''s distinguished name';
COMMENT ON COLUMN alert.issuer_name IS 'Issuer''s organisation or common name';
COMMENT ON COLUMN alert.issuer_spki_sha256 IS 'SHA-256 of the issuer''s key, where known';
COMMENT ON COLUMN alert.subject IS 'Subject''s distinguished name';
COMMENT ON COLUMN alert.serial IS 'Serial number, hex';
COMMENT ON COLUMN alert.not_before IS 'Start of validity';
COMMENT ON COLUMN alert.not_after IS 'Last second of validity';
COMMENT ON COLUMN alert.spki_sha256 IS 'SHA-256 of the subject''s key';
COMMENT ON COLUMN alert.key_description IS 'EC P-256, RSA 2048 …';
COMMENT ON COLUMN alert.all_names IS 'All names of the certificate';
COMMENT ON COLUMN alert.scts IS 'Array of {log_id in hex, log, timestamp in ms, result}';
COMMENT ON COLUMN alert.cert_notes IS 'Oddities and policy gaps of the certificate';

CREATE TABLE alert_sighting (
  alert_id text COLLATE "C" NOT NULL,
  log_id bytea NOT NULL,
  leaf_index bigint NOT NULL,
  log text NOT NULL,
  timestamp_ms bigint NOT NULL,
  entry_type text NOT NULL,
  leaf_hash bytea NOT NULL,
  tree_size bigint NOT NULL,
  root bytea NOT NULL,
  inclusion_proof bytea NOT NULL,
  seen_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (alert_id, log_id, leaf_index)
);
CREATE INDEX alert_sighting_head ON alert_sighting (log_id, tree_size);
COMMENT ON TABLE alert_sighting IS 'Where the certificate of an alert was logged, with the proof';
COMMENT ON COLUMN alert_sighting.alert_id IS 'The alert';
COMMENT ON COLUMN alert_sighting.log_id IS 'The log';
COMMENT ON COLUMN alert_sighting.leaf_index IS 'Which entry';
COMMENT ON COLUMN alert_sighting.log IS 'The log''s description';
COMMENT ON COLUMN alert_sighting.timestamp_ms IS 'The entry''s time, ms since 1970';
COMMENT ON COLUMN alert_sighting.entry_type IS 'x509 or precert';
COMMENT ON COLUMN alert_sighting.leaf_hash IS 'Merkle leaf hash of the entry';
COMMENT ON COLUMN alert_sighting.tree_size IS 'Size of the signed head that the proof leads to';
COMMENT ON COLUMN alert_sighting.root IS 'Root of that head';
COMMENT ON COLUMN alert_sighting.inclusion_proof IS 'Hashes of 32 bytes, lowest first';
COMMENT ON COLUMN alert_sighting.seen_at IS 'When it was stored';

CREATE TABLE channel (
  id text COLLATE "C" PRIMARY KEY,
  name text COLLATE "C" NOT NULL UNIQUE,
  type text NOT NULL,
  target text NOT NULL,
  secret text NOT NULL DEFAULT '',
  arguments text[] NOT NULL DEFAULT '{}',
  from_address text NOT NULL DEFAULT '',
  ca_file text NOT NULL DEFAULT '',
  allow_plain boolean NOT NULL DEFAULT false,
  allowed_private_hosts text[] NOT NULL DEFAULT '{}',
  tags text[] NOT NULL DEFAULT '{}',
  min_severity text NOT NULL,
  enabled boolean NOT NULL DEFAULT true,
  enabled_why text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE channel IS 'Where alerts are told. Holds secrets: grant with care';
COMMENT ON COLUMN channel.id IS 'Stable';
COMMENT ON COLUMN channel.name IS 'Chosen by the user';
COMMENT ON COLUMN channel.type IS 'webhook, slack, email, program or stdout';
COMMENT ON COLUMN channel.target IS 'SECRET: URL, SMTP server or the program''s path';
COMMENT ON COLUMN channel.secret IS 'SECRET: key that signs webhooks';
COMMENT ON COLUMN channel.arguments IS 'Recipients, or the program''s arguments';
COMMENT ON COLUMN channel.from_address IS 'Sender of e-mail';
COMMENT ON COLUMN channel.ca_file IS 'PEM file with the receiver''s CA; empty: the system''s';
COMMENT ON COLUMN channel.allow_plain IS 'http:// is allowed';
COMMENT ON COLUMN channel.allowed_private_hosts IS 'Hosts that may resolve to private addresses';
COMMENT ON COLUMN channel.tags IS 'Only alerts with any of these; empty: all';
COMMENT ON COLUMN channel.min_severity IS 'Only alerts at least this severe';
COMMENT ON COLUMN channel.enabled IS 'Whether it is in use';
COMMENT ON COLUMN channel.enabled_why IS 'Why it was last enabled or disabled';
COMMENT ON COLUMN channel.created_at IS 'When it was added';
COMMENT ON COLUMN channel.updated_at IS 'Last change of this row';

CREATE TABLE delivery (
  id text COLLATE "C" PRIMARY KEY,
  channel_id text COLLATE "C" NOT NULL,
  alert_id text COLLATE "C" NOT NULL,
  event text NOT NULL,
  state text NOT NULL DEFAULT 'pending',
  attempts integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz NOT NULL,
  claimed_until timestamptz,
  last_error text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamptz
);
CREATE INDEX delivery_due ON delivery (channel_id, next_attempt_at) WHERE state = 'pending';
CREATE INDEX delivery_alert ON delivery (alert_id);
CREATE INDEX delivery_finished ON delivery (finished_at) WHERE state IN ('delivered', 'cancelled');
COMMENT ON TABLE delivery IS 'The outbox: one row for each message and channel; finished ones are kept 30 days';
COMMENT ON COLUMN delivery.id IS 'Derived from alert, channel and event; receivers see it as the message id';
COMMENT ON COLUMN delivery.channel_id IS 'The channel';
COMMENT ON COLUMN delivery.alert_id IS 'The alert';
COMMENT ON COLUMN delivery.event IS 'alert.opened or alert.resolved';
COMMENT ON COLUMN delivery.state IS 'pending, delivered, dead or cancelled';
COMMENT ON COLUMN delivery.attempts IS 'Attempts that have failed';
COMMENT ON COLUMN delivery.next_attempt_at IS 'Not before then';
COMMENT ON COLUMN delivery.claimed_until IS 'Until then a process is at it';
COMMENT ON COLUMN delivery.last_error IS 'Of the last failed attempt';
COMMENT ON COLUMN delivery.created_at IS 'When it was queued';
COMMENT ON COLUMN delivery.finished_at IS 'When it was delivered, given up or cancelled';
