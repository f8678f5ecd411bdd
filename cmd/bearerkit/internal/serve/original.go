package serve

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// original is the request of the client, as the proxy describes it.
type original struct {
	method string
	scheme string // as the proxy sends it; empty: unknown
	host   string // with the port, if the proxy sends it
	target string // path and query, with their percent-encoding

	// header has the names of all header fields of the client that the proxy sends, and their values.
	header http.Header
}

// convention is the header fields with which a proxy describes the request of the client. They are read with exactly these
// names, and each must be sent once.
type convention struct{ method, scheme, host, target string }

// convention returns the header fields of a proxy. Envoy has none: the request that it sends has the method, the host and the
// path of the client's request.
func conventionOf(proxy string) convention {
	switch proxy {
	case proxyNginx: // set by the configuration in docs/forward-auth.md
		return convention{"X-Original-Method", "X-Original-Proto", "X-Original-Host", "X-Original-Uri"}
	case proxyCaddy, proxyTraefik:
		return convention{"X-Forwarded-Method", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Uri"}
	}
	return convention{}
}

// authPath is the path of the requests for a decision. Envoy appends the path of the client's request.
const authPath = "/auth"

// errOriginal is the class of errors about descriptions that are incomplete or ambiguous.
var errOriginal = errors.New("the proxy does not describe the request of the client as configured (proxy)")

// read reads the description of the client's request from r.
func (c convention) read(r *http.Request) (original, error) {
	if c == (convention{}) {
		return readEnvoy(r)
	}
	o := original{header: r.Header}
	var faults []error
	for _, field := range []struct {
		name string
		to   *string
	}{{c.method, &o.method}, {c.scheme, &o.scheme}, {c.host, &o.host}, {c.target, &o.target}} {
		lines := r.Header[field.name]
		if len(lines) != 1 || lines[0] == "" {
			faults = append(faults, fmt.Errorf("%w: %d header fields %s, expected one", errOriginal, len(lines), field.name))
			continue
		}
		*field.to = lines[0]
	}
	return o, errors.Join(faults...)
}

// readEnvoy reads a request of Envoy's HTTP service, whose path_prefix is authPath.
func readEnvoy(r *http.Request) (original, error) {
	o := original{method: r.Method, host: r.Host, header: r.Header, target: strings.TrimPrefix(r.RequestURI, authPath)}
	switch schemes := r.Header["X-Forwarded-Proto"]; len(schemes) {
	case 0:
	case 1:
		o.scheme = schemes[0]
	default:
		return o, fmt.Errorf("%w: %d header fields X-Forwarded-Proto, expected at most one", errOriginal, len(schemes))
	}
	return o, nil
}
