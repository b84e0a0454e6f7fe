// The search box finds accounts, attributes and rings by their ids.
// mode: schema
// params:
CREATE FULLTEXT INDEX search IF NOT EXISTS
FOR (node:Account|Attribute|Ring)
ON EACH [node.accountId, node.token, node.ringId]
OPTIONS {indexConfig: {`fulltext.analyzer`: 'keyword'}}
