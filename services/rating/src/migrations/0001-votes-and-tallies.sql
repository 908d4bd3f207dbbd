CREATE TABLE rating.votes (
  record_type text COLLATE "C" NOT NULL,
  record_id text COLLATE "C" NOT NULL,
  user_id text COLLATE "C" NOT NULL,
  value smallint NOT NULL CHECK (value BETWEEN 1 AND 5),
  PRIMARY KEY (record_type, record_id, user_id)
);

-- What the votes on a record come to, so that a mean is one row, however many there are. Half of each page is left
-- free: a row that changes with every vote stays on its page then, and its index as it is.
CREATE TABLE rating.tallies (
  record_type text COLLATE "C" NOT NULL,
  record_id text COLLATE "C" NOT NULL,
  votes bigint NOT NULL,
  sum bigint NOT NULL,
  PRIMARY KEY (record_type, record_id)
) WITH (fillfactor = 50);

-- In the transaction of the vote, for each row and with what it was before: whoever writes to the votes, the tallies
-- are right. A vote locks its own row, then its record's, in this order and no other, so that votes cannot deadlock.
CREATE FUNCTION rating.count_vote() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO rating.tallies AS tally VALUES (NEW.record_type, NEW.record_id, 1, NEW.value)
    ON CONFLICT (record_type, record_id)
    DO UPDATE SET votes = tally.votes + 1, sum = tally.sum + NEW.value;
  ELSIF TG_OP = 'UPDATE' THEN
    UPDATE rating.tallies SET sum = sum + NEW.value - OLD.value
    WHERE record_type = NEW.record_type AND record_id = NEW.record_id;
  ELSE
    UPDATE rating.tallies SET votes = votes - 1, sum = sum - OLD.value
    WHERE record_type = OLD.record_type AND record_id = OLD.record_id;
  END IF;
  RETURN NULL;
END
$$;

CREATE TRIGGER count_vote AFTER INSERT OR UPDATE OF value OR DELETE ON rating.votes
FOR EACH ROW EXECUTE FUNCTION rating.count_vote();
