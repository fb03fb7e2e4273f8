"""streamkl without Kafka: score arrays, or feed one series point by point. The same kernel as the service."""
