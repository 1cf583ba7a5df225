"""The API in the terms of Open311 GeoReport v2, the interchange that other cities use."""
