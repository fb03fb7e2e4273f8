"""Which simple model loses least: `cells` are the data, `families` the models, `choosing` compares them; the rest is the command."""
