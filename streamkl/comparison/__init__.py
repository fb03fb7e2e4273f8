"""`streamkl compare`: two samples, feature by feature and in how features depend on one another; read, judged, shown."""
