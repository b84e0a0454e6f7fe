// Sightings of one kind: who used what, earliest first, latest last.
// mode: write
// params: $rows $type $seq
UNWIND $rows AS row
MATCH (account:Account {accountId: row.accountId})
CALL (account, row) {
  MATCH (attribute:Attribute {token: row.token})
  MERGE (account)-[use:$($type)]->(attribute)
  ON CREATE SET
    use.firstSeen = datetime('1970-01-01T00:00Z') + duration({microseconds: row.firstSeen}),
    use.lastSeen = datetime('1970-01-01T00:00Z') + duration({microseconds: row.lastSeen}),
    use.count = row.count, use.load = $seq
  ON MATCH SET
    use.firstSeen = CASE
      WHEN datetime('1970-01-01T00:00Z') + duration({microseconds: row.firstSeen}) < use.firstSeen
        THEN datetime('1970-01-01T00:00Z') + duration({microseconds: row.firstSeen})
      ELSE use.firstSeen
    END,
    use.lastSeen = CASE
      WHEN datetime('1970-01-01T00:00Z') + duration({microseconds: row.lastSeen}) > use.lastSeen
        THEN datetime('1970-01-01T00:00Z') + duration({microseconds: row.lastSeen})
      ELSE use.lastSeen
    END,
    use.count = use.count + row.count
}
