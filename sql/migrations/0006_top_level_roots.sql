-- A top-level domain is not the root of names below it any more: hardly any
-- certificate names one, and every search had to look there. Those that do get
-- the roots that they had not needed.

CREATE OR REPLACE FUNCTION history_above(name text) RETURNS text[]
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  AS $$
    SELECT coalesce(array_agg(array_to_string(labels[1:n], ' ')), '{}')
    FROM string_to_array(history_key(name), ' ') AS labels,
         generate_series(2, cardinality(labels) - 1) AS n
  $$;
COMMENT ON FUNCTION history_above IS 'Keys of all names above a host name that may be roots of its certificates: no top-level domains';

COMMENT ON COLUMN history.domain IS 'The first of its roots: names that no other name of the certificate is above, but for top-level domains; see history_root';

DO $$
  DECLARE
    at text := '';
    label text;
  BEGIN
    SET LOCAL enable_seqscan = off;
    LOOP
      -- From one top-level domain to the next, by the index.
      SELECT domain INTO at FROM history WHERE domain >= at
        ORDER BY domain LIMIT 1;
      EXIT WHEN NOT FOUND;
      label := split_part(at, ' ', 1);
      IF at = label AND at !~ '^(#|@|$)' THEN
        INSERT INTO history_root (id, not_after, domain, main)
          SELECT h.id, h.not_after, k.key, h.domain
          FROM history h CROSS JOIN LATERAL (
              SELECT DISTINCT history_key(n) AS key
              FROM unnest(history_names(h.domain, h.names)) AS n
              WHERE n !~ '[@:]|^[0-9.]+$') AS k
          WHERE h.domain = at AND starts_with(k.key, at || ' ')
            AND NOT EXISTS (
              SELECT FROM unnest(history_names(h.domain, h.names)) AS n
              WHERE history_key(n) = ANY (history_above(history_name(k.key))))
          ON CONFLICT DO NOTHING;
      END IF;
      at := CASE WHEN at LIKE '#%' THEN '$' ELSE label || '!' END;
    END LOOP;
  END
$$;
