// How far each load has been written, and how many facts it had when it was begun.
// mode: read
// params:
MATCH (load:Load)
RETURN
  load.seq AS seq, load.load AS load, load.batch AS batch, load.done AS done, load.accounts AS accounts,
  load.sightings AS sightings
ORDER BY seq
