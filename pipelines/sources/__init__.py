"""Files of the outside world, read into verbatim rows. What a row means is decided in `sql/staging`, not here."""
