// An account is one node.
// mode: schema
// params:
CREATE CONSTRAINT account_id IF NOT EXISTS
FOR (account:Account)
REQUIRE account.accountId IS UNIQUE
