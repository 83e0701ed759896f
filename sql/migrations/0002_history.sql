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
-- everything below it are one stretch of the index. Other names:
-- "@com example@me" is a mail address, "#4c0000201" and "#6" with 32 digits
-- are IP addresses. Keys are cut at 255 bytes; names hold all.

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
  UNIQUE (spki_sha256, name),
  CHECK ((issuer < 0) = (spki_sha256 = ''))
);
COMMENT ON TABLE history_issuer IS 'Issuers of certificates in history, numbered';
COMMENT ON COLUMN history_issuer.issuer IS 'Its number; below 0: only final certificates were seen, so its key is not known';
COMMENT ON COLUMN history_issuer.name IS 'Distinguished name; of one longer than 2,000 bytes the beginning and the SHA-256 of the whole';
COMMENT ON COLUMN history_issuer.spki_sha256 IS 'SHA-256 of its key, as precertificate entries state it; empty: not known';

CREATE TABLE history_log (
  log smallint PRIMARY KEY CHECK (log > 0),
  log_id bytea NOT NULL UNIQUE
);
COMMENT ON TABLE history_log IS 'Logs that certificates in history were seen in, numbered';
COMMENT ON COLUMN history_log.log IS 'Its number';
COMMENT ON COLUMN history_log.log_id IS 'SHA-256 of its key';

-- What indexes of long values hold instead: 8 bytes for 16 to 33. Compare both:
-- history_hash(sha256) = history_hash($1) AND sha256 = $1.
CREATE FUNCTION history_hash(value bytea) RETURNS bigint
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS $$ SELECT hashtextextended(encode(value, 'hex'), 0) $$;
COMMENT ON FUNCTION history_hash IS 'For the indexes on sha256, spki and serial: compare this and the value';

CREATE TABLE history (
  id bigint NOT NULL,
  not_after timestamptz NOT NULL,
  not_before timestamptz NOT NULL,
  issuer integer NOT NULL,
  final boolean NOT NULL,
  domain text COLLATE "C" NOT NULL,
  names text COLLATE "C" NOT NULL,
  organization text NOT NULL,
  serial bytea NOT NULL,
  spki bytea NOT NULL,
  sha256 bytea NOT NULL,
  sightings bytea NOT NULL,
  PRIMARY KEY (domain, not_after, id)
) PARTITION BY RANGE (not_after);
CREATE INDEX history_sha256 ON history (history_hash(sha256));
CREATE INDEX history_spki ON history (history_hash(spki));
CREATE INDEX history_serial ON history (history_hash(serial));
CREATE INDEX history_issued ON history (issuer);
CREATE INDEX history_organization ON history (lower(organization))
  WHERE organization <> '';
COMMENT ON TABLE history IS 'Certificates, one row for each issuance, partitioned by the end of validity: a quarter of a year each, one for all before 2010, one for all from 2050 on';
COMMENT ON COLUMN history.id IS 'First 8 bytes of SHA-256 over the salt and the TBS hash';
COMMENT ON COLUMN history.not_after IS 'Last second of validity';
COMMENT ON COLUMN history.not_before IS 'Start of validity';
COMMENT ON COLUMN history.issuer IS 'Who issued it: history_issuer';
COMMENT ON COLUMN history.final IS 'Whether the final certificate was seen';
COMMENT ON COLUMN history.domain IS 'The first of its roots: names that no other name of the certificate is above; see history_root';
COMMENT ON COLUMN history.names IS 'All names, apart by spaces; those that end in a dot go on with the domain';
COMMENT ON COLUMN history.organization IS 'Of the subject, at most 255 characters; mostly empty';
COMMENT ON COLUMN history.serial IS 'Serial number, big endian, at most 255 bytes';
COMMENT ON COLUMN history.spki IS 'First 16 bytes of the SHA-256 of its key';
COMMENT ON COLUMN history.sha256 IS 'SHA-256 of the final certificate, of the precertificate while only that is known';
COMMENT ON COLUMN history.sightings IS 'Where it was logged, see history_sightings()';

CREATE TABLE history_root (
  id bigint NOT NULL,
  not_after timestamptz NOT NULL,
  domain text COLLATE "C" NOT NULL,
  main text COLLATE "C" NOT NULL,
  PRIMARY KEY (domain, not_after, id)
) PARTITION BY RANGE (not_after);
COMMENT ON TABLE history_root IS 'The other roots of certificates that have several';
COMMENT ON COLUMN history_root.id IS 'Of the row in history';
COMMENT ON COLUMN history_root.not_after IS 'Of the row in history';
COMMENT ON COLUMN history_root.domain IS 'The root';
COMMENT ON COLUMN history_root.main IS 'The domain of the row in history';

CREATE TABLE history_pruned (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  until timestamptz
);
INSERT INTO history_pruned DEFAULT VALUES;
COMMENT ON TABLE history_pruned IS 'One row: what history does not hold any more, whatever history_range says';
COMMENT ON COLUMN history_pruned.only_row IS 'true';
COMMENT ON COLUMN history_pruned.until IS 'Certificates whose validity ended before this were dropped, and are not stored again; null: none';

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

-- The partition that a validity end belongs to, and its bounds. Hostile dates
-- must not make thousands of them.
CREATE FUNCTION history_partition(at timestamptz, OUT name text,
                                  OUT begin_at timestamptz,
                                  OUT end_at timestamptz)
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS $$
    SELECT CASE WHEN at < '2010-01-01 00:00:00Z' THEN 'past'
                WHEN at >= '2050-01-01 00:00:00Z' THEN 'future'
                ELSE to_char(q, 'YYYY"q"Q') END,
           CASE WHEN at < '2010-01-01 00:00:00Z' THEN '-infinity'
                WHEN at >= '2050-01-01 00:00:00Z' THEN '2050-01-01 00:00:00Z'
                ELSE q AT TIME ZONE 'UTC' END,
           CASE WHEN at < '2010-01-01 00:00:00Z' THEN '2010-01-01 00:00:00Z'
                WHEN at >= '2050-01-01 00:00:00Z' THEN 'infinity'
                ELSE (q + interval '3 months') AT TIME ZONE 'UTC' END
    FROM date_trunc('quarter', at AT TIME ZONE 'UTC') AS q
  $$;
COMMENT ON FUNCTION history_partition IS 'Partition of a validity end: history_NAME and history_root_NAME, from begin_at until before end_at';

-- Attaches a table to history or history_root as the partition that holds
-- `at`. Readers go on meanwhile.
CREATE FUNCTION history_attach(parent text, child text, at timestamptz)
  RETURNS void LANGUAGE plpgsql
  AS $$
    DECLARE p record := history_partition(at);
    BEGIN
      EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) '
                     'TO (%s)', parent, child,
                     CASE WHEN p.begin_at = '-infinity' THEN 'MINVALUE'
                          ELSE quote_literal(p.begin_at) END,
                     CASE WHEN p.end_at = 'infinity' THEN 'MAXVALUE'
                          ELSE quote_literal(p.end_at) END);
    END
  $$;
COMMENT ON FUNCTION history_attach IS 'Makes a table a partition of history or history_root';

CREATE FUNCTION history_add_partition(at timestamptz) RETURNS void
  LANGUAGE plpgsql
  AS $$
    DECLARE
      parent text;
      child text;
    BEGIN
      IF to_regclass('history_root_' || (history_partition(at)).name)
         IS NOT NULL THEN
        RETURN;
      END IF;
      -- Whoever comes second waits, and then finds it there.
      LOCK TABLE ONLY history IN SHARE UPDATE EXCLUSIVE MODE;
      FOREACH parent IN ARRAY '{history,history_root}'::text[] LOOP
        child := parent || '_' || (history_partition(at)).name;
        CONTINUE WHEN to_regclass(child) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', child,
                       parent);
        EXECUTE format('COMMENT ON TABLE %I IS %L', child,
                       'Partition of ' || parent);
        PERFORM history_attach(parent, child, at);
      END LOOP;
    END
  $$;
COMMENT ON FUNCTION history_add_partition IS 'Creates the partitions for a validity end, unless they are there';

-- How a partition is built anew beside the old one, which is locked against
-- writers: created, filled without indexes, indexed, and then put in its place.
-- Until then nothing may lock history itself: several builders that did would
-- wait for each other for ever.
CREATE FUNCTION history_new_partition(parent text, at timestamptz)
  RETURNS void LANGUAGE plpgsql
  AS $$
    DECLARE
      p record := history_partition(at);
      child text := quote_ident(parent || '_new_' || p.name);
    BEGIN
      EXECUTE format('CREATE TABLE %s (LIKE %I INCLUDING ALL '
                     'EXCLUDING INDEXES)', child, parent || '_' || p.name);
      -- So that attaching need not look.
      EXECUTE format('ALTER TABLE %s ADD CONSTRAINT bounds CHECK '
                     '(not_after IS NOT NULL AND not_after >= %L AND '
                     'not_after < %L)', child, p.begin_at, p.end_at);
    END
  $$;
COMMENT ON FUNCTION history_new_partition IS 'Creates the table that is to replace a partition';

-- With the indexes of the parent, whatever they are. They are packed where
-- little will be added, because its certificates have expired.
CREATE FUNCTION history_index_partition(parent text, name text, packed boolean)
  RETURNS void LANGUAGE plpgsql
  AS $$
    DECLARE
      child text := quote_ident(parent || '_new_' || name);
      storage text := CASE WHEN packed THEN ' WITH (fillfactor = 100)'
                           ELSE '' END;
      definition text;
    BEGIN
      FOR definition IN
        SELECT CASE
          WHEN i.indisprimary THEN
            'ALTER TABLE ' || child || ' ADD ' ||
            pg_get_constraintdef(c.oid) || storage
          ELSE
            regexp_replace(
              regexp_replace(pg_get_indexdef(i.indexrelid),
                             '^CREATE INDEX \S+ ON ONLY \S+ ',
                             'CREATE INDEX ON ' || child || ' '),
              '( WHERE .*)?$',
              CASE WHEN m.amname = 'btree' THEN storage ELSE '' END || '\1')
          END
        FROM pg_index i
          JOIN pg_class x ON x.oid = i.indexrelid
          JOIN pg_am m ON m.oid = x.relam
          LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid
                                       AND c.contype = 'p'
        WHERE i.indrelid = parent::regclass
      LOOP
        EXECUTE definition;
      END LOOP;
    END
  $$;
COMMENT ON FUNCTION history_index_partition IS 'Gives the table that is to replace a partition its indexes';

CREATE FUNCTION history_swap_partition(name text) RETURNS void
  LANGUAGE plpgsql
  AS $$
    DECLARE
      parent text;
      child text;
      bounds text;
    BEGIN
      LOCK TABLE ONLY history, ONLY history_root IN ACCESS EXCLUSIVE MODE;
      FOREACH parent IN ARRAY '{history,history_root}'::text[] LOOP
        child := parent || '_' || name;
        SELECT pg_get_expr(relpartbound, oid) INTO bounds
          FROM pg_class WHERE oid = child::regclass;
        EXECUTE format('DROP TABLE %I', child);
        EXECUTE format('ALTER TABLE %I RENAME TO %I',
                       parent || '_new_' || name, child);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I %s', parent, child,
                       bounds);
        EXECUTE format('ALTER TABLE %I DROP CONSTRAINT bounds', child);
        EXECUTE format('COMMENT ON TABLE %I IS %L', child,
                       'Partition of ' || parent);
      END LOOP;
    END
  $$;
COMMENT ON FUNCTION history_swap_partition IS 'Puts the new tables in the place of a partition of history and history_root';

SELECT history_add_partition('2000-01-01 00:00:00Z');
SELECT history_add_partition('2050-01-01 00:00:00Z');

-- What follows is for people, and for statements written by hand.

CREATE FUNCTION history_key(name text) RETURNS text
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  AS $$
    SELECT left(string_agg(label, ' ' ORDER BY n DESC), 255)
    FROM string_to_table(
           regexp_replace(lower(name), '^\*\.|\.$', '', 'g'), '.')
         WITH ORDINALITY AS l (label, n)
  $$;
COMMENT ON FUNCTION history_key IS 'A host name in the form of history.domain: www.example.com is "com example www"';

CREATE FUNCTION history_above(name text) RETURNS text[]
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  AS $$
    SELECT coalesce(array_agg(array_to_string(labels[1:n], ' ')), '{}')
    FROM string_to_array(history_key(name), ' ') AS labels,
         generate_series(1, cardinality(labels) - 1) AS n
  $$;
COMMENT ON FUNCTION history_above IS 'Keys of all names above a host name';

CREATE FUNCTION history_name(key text) RETURNS text
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  AS $$
    SELECT CASE
      WHEN key LIKE '#4%' THEN host('0.0.0.0'::inet +
          ('x' || lpad(substr(key, 3), 16, '0'))::bit(64)::bigint)
      WHEN key LIKE '#6%' THEN
          host(rtrim(regexp_replace(substr(key, 3), '(.{4})', '\1:', 'g'), ':')
               ::inet)
      ELSE
        CASE WHEN key LIKE '@%' THEN split_part(key, '@', 3) || '@'
             ELSE '' END ||
        (SELECT coalesce(string_agg(label, '.' ORDER BY n DESC), '')
         FROM string_to_table(split_part(ltrim(key, '@'), '@', 1), ' ')
              WITH ORDINALITY AS l (label, n))
      END
  $$;
COMMENT ON FUNCTION history_name IS 'The name that a key in history.domain stands for';

CREATE FUNCTION history_names(domain text, names text) RETURNS text[]
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  AS $$
    SELECT coalesce(array_agg(
      CASE WHEN token = '.' THEN d
           WHEN right(token, 1) = '.' THEN token || d
           ELSE token END ORDER BY n), '{}')
    FROM history_name(domain) AS d,
         string_to_table(nullif(names, ''), ' ') WITH ORDINALITY AS t (token, n)
  $$;
COMMENT ON FUNCTION history_names IS 'All names of a row in history, in full';

-- In order of time; of each the milliseconds since 1970, or since the one
-- before it, twice the log plus 1 for a precertificate, and the leaf index, as
-- numbers of 7 bits a byte, the lowest first, the top bit set in all bytes but
-- a number's last.
CREATE FUNCTION history_sightings(sightings bytea, OUT logged_at timestamptz,
                                  OUT log smallint, OUT precert boolean,
                                  OUT leaf_index bigint)
  RETURNS SETOF record LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
  AS $$
    DECLARE
      numbers bigint[] := '{}';
      n bigint := 0;
      bits integer := 0;
      b integer;
      millis bigint := 0;
    BEGIN
      FOR i IN 0 .. length(sightings) - 1 LOOP
        b := get_byte(sightings, i);
        n := n | ((b & 127)::bigint << bits);
        bits := bits + 7;
        CONTINUE WHEN b >= 128;
        numbers := numbers || n;
        n := 0;
        bits := 0;
        CONTINUE WHEN cardinality(numbers) < 3;
        millis := millis + numbers[1];
        logged_at := to_timestamp(millis / 1000.0);
        log := numbers[2] / 2;
        precert := numbers[2] % 2 = 1;
        leaf_index := numbers[3];
        numbers := '{}';
        RETURN NEXT;
      END LOOP;
    END
  $$;
COMMENT ON FUNCTION history_sightings IS 'A row for each place where a certificate was logged; log: see history_log';

CREATE VIEW certificates AS
  SELECT h.id,
         history_name(h.domain) AS domain,
         history_names(h.domain, h.names) AS names,
         i.name AS issuer,
         encode(h.serial, 'hex') AS serial,
         encode(h.sha256, 'hex') AS sha256,
         h.final,
         h.not_before,
         h.not_after,
         h.organization,
         encode(i.spki_sha256, 'hex') AS issuer_spki_sha256,
         encode(h.spki, 'hex') AS spki,
         (SELECT logged_at FROM history_sightings(h.sightings) LIMIT 1)
           AS first_logged_at,
         (SELECT count(*) FROM history_sightings(h.sightings)) AS sightings,
         h.domain AS key
  FROM history h LEFT JOIN history_issuer i ON i.issuer = h.issuer;
COMMENT ON VIEW certificates IS 'Every certificate in history, for people. Quick by key and not_after; by name see certificates_for()';
COMMENT ON COLUMN certificates.id IS 'Number of the issuance; the same for precertificate and final certificate';
COMMENT ON COLUMN certificates.domain IS 'One of its names, mostly the shortest';
COMMENT ON COLUMN certificates.names IS 'All DNS names, IP and mail addresses; other bytes than letters, digits and usual punctuation as \xNN';
COMMENT ON COLUMN certificates.issuer IS 'Distinguished name of the issuer';
COMMENT ON COLUMN certificates.serial IS 'Serial number, hex';
COMMENT ON COLUMN certificates.sha256 IS 'SHA-256, hex, of the final certificate, of the precertificate while only that is known';
COMMENT ON COLUMN certificates.final IS 'Whether the final certificate was logged';
COMMENT ON COLUMN certificates.not_before IS 'Start of validity';
COMMENT ON COLUMN certificates.not_after IS 'Last second of validity';
COMMENT ON COLUMN certificates.organization IS 'Of the subject; mostly empty';
COMMENT ON COLUMN certificates.issuer_spki_sha256 IS 'SHA-256, hex, of the issuer''s key; empty: not known';
COMMENT ON COLUMN certificates.spki IS 'First 16 bytes, hex, of the SHA-256 of its key';
COMMENT ON COLUMN certificates.first_logged_at IS 'The earliest time that a log gave it';
COMMENT ON COLUMN certificates.sightings IS 'How many log entries it has';
COMMENT ON COLUMN certificates.key IS 'domain as history_key() writes it';

CREATE VIEW certificate_sightings AS
  SELECT h.id,
         h.not_after,
         encode(h.sha256, 'hex') AS sha256,
         s.logged_at,
         coalesce(d.description, encode(l.log_id, 'hex')) AS log,
         encode(l.log_id, 'hex') AS log_id,
         s.leaf_index,
         s.precert,
         h.domain AS key
  FROM history h
       CROSS JOIN history_sightings(h.sightings) s
       LEFT JOIN history_log l ON l.log = s.log
       LEFT JOIN log d ON d.log_id = l.log_id;
COMMENT ON VIEW certificate_sightings IS 'Every log entry of every certificate in history, for people';
COMMENT ON COLUMN certificate_sightings.id IS 'certificates.id';
COMMENT ON COLUMN certificate_sightings.not_after IS 'certificates.not_after';
COMMENT ON COLUMN certificate_sightings.sha256 IS 'certificates.sha256';
COMMENT ON COLUMN certificate_sightings.logged_at IS 'The log''s timestamp';
COMMENT ON COLUMN certificate_sightings.log IS 'Name of the log';
COMMENT ON COLUMN certificate_sightings.log_id IS 'SHA-256, hex, of its key';
COMMENT ON COLUMN certificate_sightings.leaf_index IS 'Index of the entry';
COMMENT ON COLUMN certificate_sightings.precert IS 'Whether the entry is a precertificate';
COMMENT ON COLUMN certificate_sightings.key IS 'certificates.key';

-- By three ways: a root at or below the name; another root there; a root above
-- it, whose certificate may have it among its names.
CREATE FUNCTION certificates_for(name text) RETURNS SETOF certificates
  LANGUAGE sql STABLE STRICT PARALLEL SAFE
  AS $$
    SELECT * FROM certificates
    WHERE key >= history_key(name) AND key < history_key(name) || '!'
    UNION
    SELECT c.* FROM history_root r
      JOIN certificates c ON c.key = r.main AND c.not_after = r.not_after
                             AND c.id = r.id
    WHERE r.domain >= history_key(name)
      AND r.domain < history_key(name) || '!'
    UNION
    SELECT c.* FROM (
        SELECT h.domain, h.not_after, h.id FROM history h
        WHERE h.domain = ANY (history_above(name))
        UNION
        SELECT r.main, r.not_after, r.id FROM history_root r
        WHERE r.domain = ANY (history_above(name))) AS a
      JOIN certificates c ON c.key = a.domain AND c.not_after = a.not_after
                             AND c.id = a.id
    WHERE EXISTS (SELECT FROM unnest(c.names) AS n
                  WHERE history_key(n) = history_key(name)
                     OR starts_with(history_key(n), history_key(name) || ' '))
  $$;
COMMENT ON FUNCTION certificates_for IS 'Certificates for a host name, its wildcards and everything below it';
