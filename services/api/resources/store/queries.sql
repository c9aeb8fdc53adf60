-- standing
-- Whether anything is sent, and if not, why.
SELECT store_epoch() AS epoch, store_is_open() AS open, extract(epoch FROM held_since)::float8 AS held_since, held_why,
       extract(epoch FROM lost_from)::float8 AS lost_from
  FROM store;
