package middleware

import (
	"net/http"
	"strings"
	"time"
)

// Header fields about DPoP.
const (
	headerNonce    = "Dpop-Nonce" // the canonical form of DPoP-Nonce (RFC 9449 section 8)
	headerExposed  = "Access-Control-Expose-Headers"
	exposedHeaders = "DPoP-Nonce, WWW-Authenticate" // as browsers name them
)

// SetHeader sets the header fields that the response to an admitted request needs, and keeps all others. Call it if you
// call [Guard.Authenticate] yourself: after it, with the request that it returned, and before you write the response. h is
// the header of the response. Handler, With, Routes and the adapters set these fields themselves.
//
// It adds Cache-Control: private if Config.TokenSources is set. If the client must use a new DPoP nonce, it sets DPoP-Nonce
// and Cache-Control: no-store (RFC 9449 section 8.2), and the fields for CORS if DPoPConfig.ExposeHeaders is set.
func (g *Guard) SetHeader(h http.Header, admitted *http.Request) {
	g.now().setHeader(h, admitted)
}

func (g *Guard) setHeader(h http.Header, admitted *http.Request) {
	if g.cfg.TokenSources != nil {
		addCacheControl(h, "private")
	}
	if g.dpop == nil {
		return
	}
	if p := passageOf(admitted.Context()); p != nil && p.proof != nil && p.proof.newNonce != "" {
		h[headerNonce] = []string{p.proof.newNonce}
		addCacheControl(h, "no-store") // otherwise a cache could deliver an old nonce
		g.dpop.exposeTo(h, admitted)
	}
}

// setDenyHeader sets the header fields of a rejection that Config.DPoP adds: the nonce of a challenge that requires one, and
// the fields for CORS.
func (d *dpopChecker) setDenyHeader(h http.Header, r *http.Request, refusal *Refusal) {
	if refusal.Code == codeUseNonce && d.nonces != nil {
		h[headerNonce] = []string{d.nonces.Current(time.Now())}
	}
	d.exposeTo(h, r)
}

// exposeTo lets scripts of another origin read the header fields about DPoP (RFC 9449 section 8.2). It keeps the names
// that a CORS middleware has listed.
func (d *dpopChecker) exposeTo(h http.Header, r *http.Request) {
	if !d.cfg.ExposeHeaders || len(r.Header["Origin"]) == 0 {
		return
	}
	listed := strings.Join(h[headerExposed], ", ")
	for name := range strings.SplitSeq(exposedHeaders, ", ") {
		if !listsName(listed, name) {
			listed = strings.TrimPrefix(listed+", "+name, ", ")
		}
	}
	h[headerExposed] = []string{listed}
}

// listsName reports whether a list of header names contains name, in any case.
func listsName(list, name string) bool {
	for listed := range strings.SplitSeq(list, ",") {
		if strings.EqualFold(strings.Trim(listed, " \t"), name) {
			return true
		}
	}
	return false
}
