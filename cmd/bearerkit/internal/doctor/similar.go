package doctor

import (
	"net/url"
	"strings"

	"github.com/bearerkit/bearerkit/internal/hint"
)

// similar reports whether two names of an API differ only in a way that people overlook, or in the prefix api:// with which Microsoft
// Entra writes the id of an API in version 1 of its tokens.
func similar(a, b string) bool {
	return hint.Difference(a, b) != "" || strings.TrimPrefix(a, "api://") == strings.TrimPrefix(b, "api://")
}

// externalURL returns the origin of the API: of the running API, or of the audience if that is a URL.
func (d *doctor) externalURL() string {
	for _, raw := range append([]string{d.api}, d.cfg.Audience...) {
		if u, err := url.Parse(raw); err == nil && u.Host != "" {
			return u.Scheme + "://" + u.Host
		}
	}
	return "https://api.example.com"
}
