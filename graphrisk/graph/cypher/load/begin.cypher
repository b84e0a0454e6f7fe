// Begin to write a load, unless it was begun before; how far it has come.
// mode: write
// params: $seq $load $acceptedAt $accounts $sightings
MERGE (load:Load {seq: $seq})
ON CREATE SET
  load.load = $load, load.acceptedAt = $acceptedAt, load.accounts = $accounts, load.sightings = $sightings,
  load.batch = 0, load.done = false
RETURN load.load AS load, load.batch AS batch
