// Forget a graph of Graph Data Science.
// mode: read
// params: $graphName
CALL gds.graph.drop($graphName, false) YIELD graphName, nodeCount
RETURN graphName, nodeCount AS nodes
