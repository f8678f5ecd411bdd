package resourcemetadata

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/bearerkit/bearerkit/internal/fetch"
)

// WellKnown is the path of the document of a resource without a path (RFC 9728 section 3).
const WellKnown = "/.well-known/oauth-protected-resource"

// URL returns the URL of the metadata document of resource. It inserts the well-known path between the host and the path,
// and removes a slash at the end of the path (RFC 9728 section 3.1):
//
//	https://api.example.com/v1  →  https://api.example.com/.well-known/oauth-protected-resource/v1
//
// resource must be an https URL without fragment and user information. An http URL is accepted only with a loopback host
// (127.0.0.0/8, ::1, localhost).
func URL(resource string) (string, error) {
	u, err := fetch.ParseSecureURL(resource)
	if err != nil {
		return "", fmt.Errorf("resourcemetadata: resource: %w", err)
	}
	return wellKnown(u), nil
}

// wellKnown returns the URL of the document of the resource u. Its query, if it has one, follows the path.
func wellKnown(u *url.URL) string {
	location := u.Scheme + "://" + u.Host + WellKnown + strings.TrimSuffix(u.EscapedPath(), "/")
	if u.RawQuery != "" {
		location += "?" + u.RawQuery
	}
	return location
}

// Covers reports whether resource identifies target or a parent of it: both have the same origin, and the path of resource is
// the beginning of the path of target, up to the end or a slash. A client may use the metadata of such a resource for
// requests to target. Both must be absolute URLs. The query of target does not matter.
//
// In three cases, Covers returns true only if both are equal: if resource has a query or a fragment, if one of them has user
// information, and if servers may read one of the paths in different ways. Such a path contains a "." or ".." segment, "//", a
// backslash, or an encoded slash, dot or backslash.
func Covers(resource, target string) bool {
	if resource == target {
		return true
	}
	parent, err := url.Parse(resource)
	child, fault := url.Parse(target)
	if err != nil || fault != nil || parent.Host == "" || fetch.Origin(parent) != fetch.Origin(child) {
		return false
	}
	if parent.User != nil || child.User != nil || strings.ContainsAny(resource, "?#") || isAmbiguous(parent) || isAmbiguous(child) {
		return false
	}
	prefix := strings.TrimSuffix(parent.EscapedPath(), "/")
	rest, ok := strings.CutPrefix(child.EscapedPath(), prefix)
	return ok && (rest == "" || rest[0] == '/')
}

// isAmbiguous reports whether servers may read the path of u in different ways. Some servers remove the part of a segment after a
// semicolon, so "..;x" counts as "..".
func isAmbiguous(u *url.URL) bool {
	path := strings.ToLower(u.EscapedPath())
	for _, part := range []string{"//", "%2f", "%2e", "%5c", `\`} {
		if strings.Contains(path, part) {
			return true
		}
	}
	for segment := range strings.SplitSeq(path, "/") {
		if name, _, _ := strings.Cut(segment, ";"); name == "." || name == ".." {
			return true
		}
	}
	return false
}
