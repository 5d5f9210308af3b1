-- The fleet's database. Every statement may run again: install.sh does so at each update.
--
-- Amounts are whole milliseconds and counts, as on the kiosks, so that sums agree exactly.

CREATE SCHEMA IF NOT EXISTS emotion;
SET search_path TO emotion;

CREATE TABLE IF NOT EXISTS kiosks (
  id smallserial PRIMARY KEY,
  name text NOT NULL UNIQUE,
  site text NOT NULL DEFAULT '',
  -- Retired kiosks keep their history and leave the overview.
  retired boolean NOT NULL DEFAULT false
);

-- How far each kiosk's sums have got. A kiosk whose database was replaced begins a new epoch at 1.
CREATE TABLE IF NOT EXISTS epochs (
  kiosk smallint NOT NULL REFERENCES kiosks,
  epoch uuid NOT NULL,
  id serial UNIQUE,
  upto bigint NOT NULL DEFAULT 0,
  began timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (kiosk, epoch)
);

CREATE TABLE IF NOT EXISTS sums (
  kiosk smallint NOT NULL,
  epoch integer NOT NULL,
  seq bigint NOT NULL,
  from_at timestamptz NOT NULL,
  to_at timestamptz NOT NULL,
  clock text NOT NULL,
  visits integer NOT NULL,
  most_faces smallint NOT NULL,
  present_ms bigint NOT NULL,
  unsure_ms bigint NOT NULL,
  watched_ms bigint NOT NULL,
  angry_ms bigint NOT NULL,
  disgusted_ms bigint NOT NULL,
  fearful_ms bigint NOT NULL,
  happy_ms bigint NOT NULL,
  neutral_ms bigint NOT NULL,
  sad_ms bigint NOT NULL,
  surprised_ms bigint NOT NULL
) PARTITION BY RANGE (from_at);

CREATE INDEX IF NOT EXISTS sums_by_kiosk ON sums (kiosk, from_at);

-- Sums of clocks that nobody set.
CREATE TABLE IF NOT EXISTS sums_other PARTITION OF sums DEFAULT;

-- The roll-up that charts read: each sum spread over its hours by their share of its time.
CREATE TABLE IF NOT EXISTS hours (
  kiosk smallint NOT NULL,
  hour timestamptz NOT NULL,
  visits bigint NOT NULL,
  most_faces smallint NOT NULL,
  present_ms bigint NOT NULL,
  unsure_ms bigint NOT NULL,
  watched_ms bigint NOT NULL,
  angry_ms bigint NOT NULL,
  disgusted_ms bigint NOT NULL,
  fearful_ms bigint NOT NULL,
  happy_ms bigint NOT NULL,
  neutral_ms bigint NOT NULL,
  sad_ms bigint NOT NULL,
  surprised_ms bigint NOT NULL,
  PRIMARY KEY (kiosk, hour)
) WITH (fillfactor = 70);

CREATE INDEX IF NOT EXISTS hours_by_hour ON hours (hour);

-- What each kiosk last said of itself.
CREATE TABLE IF NOT EXISTS health (
  kiosk smallint PRIMARY KEY REFERENCES kiosks,
  online boolean NOT NULL DEFAULT false,
  online_since timestamptz,
  heard_at timestamptz,
  said jsonb NOT NULL DEFAULT '{}',
  settings jsonb NOT NULL DEFAULT '{}'
) WITH (fillfactor = 70);

-- Make the partitions of the months from 13 months ago to 2 months ahead; ingest calls it each day.
CREATE OR REPLACE FUNCTION make_partitions() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  month date;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('emotion.make_partitions'));
  FOR month IN SELECT generate_series(
    date_trunc('month', now() AT TIME ZONE 'UTC') - interval '14 months',
    date_trunc('month', now() AT TIME ZONE 'UTC') + interval '2 months', interval '1 month') LOOP
    IF to_regclass(format('emotion.sums_%s', to_char(month, 'YYYY_MM'))) IS NULL THEN
      -- Rows that a wrong clock put into a month ahead of its partition move into it.
      CREATE TEMPORARY TABLE moved ON COMMIT DROP AS
        SELECT * FROM emotion.sums_other
        WHERE from_at >= month::timestamp AT TIME ZONE 'UTC'
          AND from_at < (month + interval '1 month') AT TIME ZONE 'UTC';
      DELETE FROM emotion.sums_other
        WHERE from_at >= month::timestamp AT TIME ZONE 'UTC'
          AND from_at < (month + interval '1 month') AT TIME ZONE 'UTC';
      EXECUTE format(
        'CREATE TABLE emotion.sums_%s PARTITION OF emotion.sums FOR VALUES FROM (%L) TO (%L)',
        to_char(month, 'YYYY_MM'),
        to_char(month, 'YYYY-MM-DD') || ' 00:00:00+00',
        to_char(month + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00');
      INSERT INTO emotion.sums SELECT * FROM moved;
      DROP TABLE moved;
    END IF;
  END LOOP;
END $$;

SELECT make_partitions();

-- Drop the months that began more than so many months ago; roll-ups stay.
CREATE OR REPLACE FUNCTION drop_partitions(keep_months integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  partition text;
  dropped integer := 0;
BEGIN
  FOR partition IN
    SELECT relname FROM pg_class WHERE relnamespace = 'emotion'::regnamespace AND relname ~ '^sums_\d{4}_\d\d$'
      AND to_date(substr(relname, 6), 'YYYY_MM') < date_trunc('month', now()) - make_interval(months => keep_months)
  LOOP
    EXECUTE format('DROP TABLE emotion.%I', partition);
    dropped := dropped + 1;
  END LOOP;
  RETURN dropped;
END $$;

CREATE OR REPLACE FUNCTION kiosk_id(kiosk_name text) RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
  found smallint;
BEGIN
  SELECT id INTO found FROM emotion.kiosks WHERE name = kiosk_name;
  IF found IS NOT NULL THEN RETURN found; END IF;
  INSERT INTO emotion.kiosks (name) VALUES (kiosk_name) ON CONFLICT (name) DO NOTHING;
  SELECT id INTO found FROM emotion.kiosks WHERE name = kiosk_name;
  INSERT INTO emotion.health (kiosk) VALUES (found) ON CONFLICT DO NOTHING;
  RETURN found;
END $$;

-- Take a kiosk's rows, whose numbers follow each other without a gap: those that are not there yet, and none where rows
-- before them are missing. Returns how far the kiosk's rows have got; the kiosk goes on after it, or back to it.
--
-- One call is one transaction. The epoch's row is locked, so that two ingests cannot both take a row.
CREATE OR REPLACE FUNCTION take(kiosk_name text, epoch_uuid uuid, rows jsonb) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  k smallint := emotion.kiosk_id(kiosk_name);
  e integer;
  have bigint;
  newest bigint := (rows -> -1 ->> 'seq')::bigint;
BEGIN
  INSERT INTO emotion.epochs (kiosk, epoch) VALUES (k, epoch_uuid) ON CONFLICT DO NOTHING;
  SELECT id, upto INTO e, have FROM emotion.epochs WHERE kiosk = k AND epoch = epoch_uuid FOR UPDATE;
  IF newest IS NULL OR newest <= have OR (rows -> 0 ->> 'seq')::bigint > have + 1 THEN RETURN have; END IF;

  WITH said AS (
    SELECT
      r.seq, r."from" AS from_at, r."to" AS to_at, r.clock, r.visits, r."mostFaces" AS most_faces,
      round(r."presentS" * 1000)::bigint AS present_ms, round(r."unsureS" * 1000)::bigint AS unsure_ms,
      round(r."watchedS" * 1000)::bigint AS watched_ms,
      round((r.seconds ->> 'angry')::numeric * 1000)::bigint AS angry_ms,
      round((r.seconds ->> 'disgusted')::numeric * 1000)::bigint AS disgusted_ms,
      round((r.seconds ->> 'fearful')::numeric * 1000)::bigint AS fearful_ms,
      round((r.seconds ->> 'happy')::numeric * 1000)::bigint AS happy_ms,
      round((r.seconds ->> 'neutral')::numeric * 1000)::bigint AS neutral_ms,
      round((r.seconds ->> 'sad')::numeric * 1000)::bigint AS sad_ms,
      round((r.seconds ->> 'surprised')::numeric * 1000)::bigint AS surprised_ms
    FROM jsonb_to_recordset(rows) AS r (
      seq bigint, "from" timestamptz, "to" timestamptz, clock text, visits integer, "mostFaces" smallint,
      "presentS" numeric, "unsureS" numeric, "watchedS" numeric, seconds jsonb)
    WHERE r.seq > have
  ), kept AS (
    INSERT INTO emotion.sums
    SELECT k, e, said.* FROM said
    RETURNING *
  ), shares AS (
    -- Rounded sums of shares are spread, not rounded shares: the parts of a sum give exactly the sum.
    SELECT kept.*, h AS hour,
      extract(epoch FROM greatest(h, from_at) - from_at) / extract(epoch FROM to_at - from_at) AS f0,
      extract(epoch FROM least(h + interval '1 hour', to_at) - from_at) / extract(epoch FROM to_at - from_at) AS f1
    FROM kept, LATERAL generate_series(
      -- A sum of more than a week has a clock that was set within it, and counts where it ended.
      date_trunc('hour', CASE WHEN to_at - from_at > interval '7 days' THEN to_at - interval '1 ms' ELSE from_at END, 'UTC'),
      to_at - interval '1 ms', interval '1 hour') AS h
  ), parts AS (
    SELECT *, CASE WHEN to_at - from_at > interval '7 days' THEN 0 ELSE f0 END AS g0 FROM shares
  )
  INSERT INTO emotion.hours AS old
  SELECT k, hour,
    sum(round(visits * f1) - round(visits * g0)), max(most_faces),
    sum(round(present_ms * f1) - round(present_ms * g0)), sum(round(unsure_ms * f1) - round(unsure_ms * g0)),
    sum(round(watched_ms * f1) - round(watched_ms * g0)), sum(round(angry_ms * f1) - round(angry_ms * g0)),
    sum(round(disgusted_ms * f1) - round(disgusted_ms * g0)), sum(round(fearful_ms * f1) - round(fearful_ms * g0)),
    sum(round(happy_ms * f1) - round(happy_ms * g0)), sum(round(neutral_ms * f1) - round(neutral_ms * g0)),
    sum(round(sad_ms * f1) - round(sad_ms * g0)), sum(round(surprised_ms * f1) - round(surprised_ms * g0))
  FROM parts GROUP BY hour
  ON CONFLICT (kiosk, hour) DO UPDATE SET
    visits = old.visits + excluded.visits,
    most_faces = greatest(old.most_faces, excluded.most_faces),
    present_ms = old.present_ms + excluded.present_ms,
    unsure_ms = old.unsure_ms + excluded.unsure_ms,
    watched_ms = old.watched_ms + excluded.watched_ms,
    angry_ms = old.angry_ms + excluded.angry_ms,
    disgusted_ms = old.disgusted_ms + excluded.disgusted_ms,
    fearful_ms = old.fearful_ms + excluded.fearful_ms,
    happy_ms = old.happy_ms + excluded.happy_ms,
    neutral_ms = old.neutral_ms + excluded.neutral_ms,
    sad_ms = old.sad_ms + excluded.sad_ms,
    surprised_ms = old.surprised_ms + excluded.surprised_ms;

  UPDATE emotion.epochs SET upto = newest WHERE kiosk = k AND epoch = epoch_uuid;
  RETURN newest;
END $$;

-- The kiosk's rows are made by a statement of their own: one statement may not insert and update the same row.
CREATE OR REPLACE FUNCTION take_status(kiosk_name text, is_online boolean) RETURNS void LANGUAGE sql AS $$
  SELECT emotion.kiosk_id(kiosk_name);
  INSERT INTO emotion.health AS old (kiosk, online, online_since)
  VALUES (emotion.kiosk_id(kiosk_name), is_online, now())
  ON CONFLICT (kiosk) DO UPDATE SET
    online = is_online,
    online_since = CASE WHEN old.online = is_online THEN old.online_since ELSE now() END;
$$;

CREATE OR REPLACE FUNCTION take_health(kiosk_name text, words jsonb) RETURNS void LANGUAGE sql AS $$
  SELECT emotion.kiosk_id(kiosk_name);
  INSERT INTO emotion.health (kiosk, heard_at, said) VALUES (emotion.kiosk_id(kiosk_name), now(), words)
  ON CONFLICT (kiosk) DO UPDATE SET heard_at = now(), said = words;
$$;

CREATE OR REPLACE FUNCTION take_settings(kiosk_name text, words jsonb) RETURNS void LANGUAGE sql AS $$
  SELECT emotion.kiosk_id(kiosk_name);
  INSERT INTO emotion.health (kiosk, settings) VALUES (emotion.kiosk_id(kiosk_name), words)
  ON CONFLICT (kiosk) DO UPDATE SET settings = words;
$$;

-- A number, where it is one: a stolen kiosk may say anything.
CREATE OR REPLACE FUNCTION numeric_or_null(value jsonb) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN jsonb_typeof(value) = 'number' THEN (value #>> '{}')::numeric END;
$$;

-- One row a kiosk: who is online, and what is wrong.
CREATE OR REPLACE VIEW kiosks_now AS
SELECT
  k.name AS kiosk, k.site, h.online, h.online_since, h.heard_at,
  left(h.said ->> 'version', 40) AS version,
  left(h.said ->> 'camera', 40) AS camera,
  left(h.said ->> 'clock', 8) AS clock,
  emotion.numeric_or_null(h.said -> 'uptimeS') AS uptime_s,
  emotion.numeric_or_null(h.said -> 'resultsPerS') AS results_per_s,
  emotion.numeric_or_null(h.said -> 'restarts') AS restarts,
  emotion.numeric_or_null(h.said -> 'waiting') AS waiting,
  emotion.numeric_or_null(h.said -> 'temperatureC') AS temperature_c,
  emotion.numeric_or_null(h.said -> 'certificateDays') AS certificate_days,
  h.said -> 'throttled' = 'true'::jsonb AS throttled,
  h.settings,
  CASE
    WHEN NOT h.online THEN 'offline'
    WHEN h.heard_at < now() - interval '5 minutes' THEN 'silent'
    WHEN h.said ->> 'problem' IS NOT NULL THEN left(h.said ->> 'problem', 200)
    WHEN h.said -> 'throttled' = 'true'::jsonb THEN 'slowed down by heat or a weak power supply'
    WHEN emotion.numeric_or_null(h.said -> 'certificateDays') < 30 THEN 'its certificate expires within 30 days'
    WHEN emotion.numeric_or_null(h.said -> 'waiting') > 500 THEN 'sums wait to be sent'
  END AS problem
FROM emotion.kiosks k JOIN emotion.health h ON h.kiosk = k.id
WHERE NOT k.retired;

-- Hours with their kiosk's name and site, in seconds.
CREATE OR REPLACE VIEW kiosk_hours AS
SELECT
  k.name AS kiosk, k.site, h.hour, h.visits, h.most_faces,
  h.present_ms / 1000.0 AS present_s, h.unsure_ms / 1000.0 AS unsure_s, h.watched_ms / 1000.0 AS watched_s,
  h.happy_ms / 1000.0 AS happy_s, h.surprised_ms / 1000.0 AS surprised_s, h.neutral_ms / 1000.0 AS neutral_s,
  h.sad_ms / 1000.0 AS sad_s, h.fearful_ms / 1000.0 AS fearful_s, h.disgusted_ms / 1000.0 AS disgusted_s,
  h.angry_ms / 1000.0 AS angry_s
FROM emotion.hours h JOIN emotion.kiosks k ON k.id = h.kiosk;
