// One token, which tells the key that the graph's tokens were made with.
// mode: read
// params:
MATCH (attribute:Attribute)
WHERE attribute.token > ''
RETURN attribute.token AS token
LIMIT 1
