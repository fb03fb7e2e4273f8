"""After an input topic was given more partitions: `evidence` says where series belong now, `command` moves what they have learned."""
