"""Places of objects: a folder of this machine, or a bucket that many machines share."""
