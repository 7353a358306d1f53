"""Files of the exchange's archive on the way into the lake: read, refused, checked, written."""
