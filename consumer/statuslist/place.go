package statuslist

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/internal/fetch"
)

// maxURL is the maximum length of the URL of a list, in bytes. The table of lists keeps the URLs in memory.
const maxURL = 2048

// place is where lists may be: one URL, or all URLs under it. The issuer writes the URL of a list into its tokens. Without places,
// it could make this program send requests to any server, also to one in its own network.
type place struct {
	origin string // scheme, host and port, which are compared as a whole: a prefix of a URL could end within the host
	path   string // escaped; with a slash at the end: all paths that begin with it
}

// places returns where the lists may be: on the server of their issuer, unless Config.URLs is set. err joins the faults of all URLs.
func (cfg Config) places() (allowed []place, err error) {
	if len(cfg.URLs) == 0 {
		u, err := fetch.ParseURL(cfg.ListIssuer, cfg.InsecureAllowHTTP)
		if err != nil {
			return nil, fmt.Errorf("statuslist: Config.URLs is required, because the issuer is not the URL of a server: %w", err)
		}
		return []place{{fetch.Origin(u), "/"}}, nil
	}
	for _, raw := range cfg.URLs {
		u, invalid := fetch.ParseURL(raw, cfg.InsecureAllowHTTP)
		switch {
		case invalid != nil:
			err = errors.Join(err, fmt.Errorf("statuslist: Config.URLs: %w", invalid))
		case u.RawQuery != "" || u.ForceQuery: // only paths are compared, so it would have no effect
			err = errors.Join(err, fmt.Errorf("statuslist: Config.URLs: %q has a query", raw))
		case isAmbiguous(u):
			err = errors.Join(err, fmt.Errorf("statuslist: Config.URLs: %q has a path that servers may change", raw))
		case u.Path == "": // an origin allows all paths, as with a slash at the end
			allowed = append(allowed, place{fetch.Origin(u), "/"})
		default:
			allowed = append(allowed, place{fetch.Origin(u), u.EscapedPath()})
		}
	}
	return allowed, err
}

// checkURL returns an error unless the list at the URL raw may be fetched. Its text contains at most the server of raw.
func (l *Lists) checkURL(raw string) error {
	if len(raw) > maxURL {
		return reject(malformed, "uri has %d bytes, expected at most %d", len(raw), maxURL)
	}
	u, err := fetch.ParseURL(raw, l.cfg.InsecureAllowHTTP)
	if err != nil {
		return reject(notAllowed, "uri is not an https URL without user information and fragment (Config.InsecureAllowHTTP allows http)")
	}
	// ParseURL accepts a query. It does not change the server or the path, so it is not compared.
	at := fetch.Origin(u)
	if isAmbiguous(u) || !slices.ContainsFunc(l.places, func(p place) bool { return p.origin == at && p.contains(u) }) {
		return reject(notAllowed, "uri is on %.100q and not one of those that Config.URLs allows", at)
	}
	return nil
}

// contains reports whether the path of u is allowed.
func (p place) contains(u *url.URL) bool {
	path := u.EscapedPath()
	if path == "" { // a request for it has the path "/" (RFC 9110 section 4.2.3)
		path = "/"
	}
	return path == p.path || strings.HasSuffix(p.path, "/") && strings.HasPrefix(path, p.path)
}

// isAmbiguous reports whether servers and proxies may read another path in u, such as /b in /a/../b.
func isAmbiguous(u *url.URL) bool {
	// Some servers read a backslash as a slash, and some decode %2F before they split the path into segments.
	escaped := strings.ToLower(u.EscapedPath())
	if strings.Contains(u.Path, `\`) || strings.Contains(escaped, "%2f") {
		return true
	}
	// u.Path is decoded, so an encoded dot segment is found too.
	return slices.ContainsFunc(strings.Split(u.Path, "/"), func(segment string) bool {
		return segment == "." || segment == ".."
	})
}
