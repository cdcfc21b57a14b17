"""Client of the cloud's API: reads its list of agents and stores them."""
