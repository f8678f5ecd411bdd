package middleware

import (
	"bytes"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"time"
)

const (
	metadataMethods = "GET, HEAD, OPTIONS"
	metadataCaching = "public, max-age=300" // clients see a rule that is added later after at most this time, in seconds
)

// MetadataHandler returns a handler that serves the metadata document of Config.Resource (RFC 9728). Register it at
// [Guard.MetadataPath] for all methods, and outside of the Guard, because clients request it without a token:
//
//	mux.Handle(guard.MetadataPath(), guard.MetadataHandler())
//
// The document contains the Resource; the issuers of the Verifier; the scopes and the types of authorization details of all
// rules, sorted ([Guard.Declare]); the places in which a bearer token is read; what DPoP and MTLS require; and what
// Config.Metadata adds. Empty members are omitted. The bytes depend on the Config and the rules only, and never on the request.
//
// The handler responds to GET and HEAD, and to OPTIONS for CORS: scripts of all origins may read the document. It supports
// If-None-Match and ignores Range. Caches may keep a response for 5 minutes, so clients may see a rule that is added later with
// that delay.
//
// The handler responds with 404 to requests for any other path than MetadataPath, because another path identifies another resource.
// If the Resource ends with a slash, it also serves MetadataPath with that slash. Do not put [http.StripPrefix] in front of it,
// because that changes the path.
//
// If Config.Resource is empty, the handler responds with 404 and logs an error. After [Guard.Replace] it serves the new
// document.
func (g *Guard) MetadataHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.now().serveMetadata(w, r) })
}

// serveMetadata serves one request for the document of the current Config.
func (g *Guard) serveMetadata(w http.ResponseWriter, r *http.Request) {
	if g.document == nil {
		g.logMetadata(r, "Config.Resource is empty, so there is no metadata document")
		http.NotFound(w, r)
		return
	}
	if !g.isMetadataPath(r.URL.EscapedPath()) {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*") // also with 405, so that scripts see the status
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions:
		h.Set("Allow", metadataMethods)
		h.Set("Access-Control-Allow-Methods", metadataMethods)
		h.Set("Access-Control-Allow-Headers", "*") // MCP clients send MCP-Protocol-Version
		h.Set("Access-Control-Max-Age", "300")
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		h.Set("Allow", metadataMethods)
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	text, err := g.document.text()
	if err != nil {
		g.logMetadata(r, err.Error())
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", metadataCaching)
	h.Set("Etag", text.etag)
	http.ServeContent(w, withoutRange(r), "", time.Time{}, bytes.NewReader(text.body))
}

// withoutRange returns r without a Range header. A part of the document is not JSON, and the text between several parts is random.
func withoutRange(r *http.Request) *http.Request {
	if r.Header["Range"] == nil {
		return r
	}
	whole := r.WithContext(r.Context())
	whole.Header = maps.Clone(r.Header)
	delete(whole.Header, "Range")
	return whole
}

// isMetadataPath reports whether the document is at path.
func (g *Guard) isMetadataPath(path string) bool {
	if path == g.metadataPath {
		return true
	}
	return strings.HasSuffix(g.cfg.Resource, "/") && g.metadataPath != wellKnown && path == g.metadataPath+"/"
}

// logMetadata logs why the document cannot be served, at the rate of refusals.
func (g *Guard) logMetadata(r *http.Request, detail string) {
	k := kind{status: http.StatusNotFound, rule: "metadata"}
	if suppressed, ok := g.sampler.admit(k); ok {
		g.cfg.Logger.LogAttrs(r.Context(), slog.LevelError, "metadata document not served",
			slog.String("detail", detail), slog.Int("suppressed", suppressed))
	}
}
