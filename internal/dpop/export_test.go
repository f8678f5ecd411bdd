package dpop

// SameURI reports whether a proof for htu serves a request to url.
func SameURI(url, htu string) bool { return checkURI(htu, url) == nil }

// CachedKeys returns the number of keys that c caches.
func CachedKeys(c *Checker) int { return c.keys.Len() }
