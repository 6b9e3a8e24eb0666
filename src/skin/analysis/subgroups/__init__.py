"""How scores differ between the lesions of different people, sites and sources."""
