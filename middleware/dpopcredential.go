package middleware

import (
	"errors"
	"net/http"
)

var errBearerScheme = &detailed{errOtherScheme, "the scheme of the Authorization header is Bearer, expected DPoP (Config.DPoP.Required)"}

// readCredential finds the credential of r in a Guard with Config.DPoP and, if its scheme is DPoP, the proof. It verifies
// neither. It sets p.raw and p.proof.
func (p *passage) readCredential(r *http.Request) (err error) {
	d := p.guard.dpop
	switch {
	case d != nil && hasScheme(r, schemeDPoP):
		if p.raw, err = p.guard.dpopCredential(r); err == nil {
			p.proof, err = d.read(r)
		}
	case d != nil && d.cfg.Required:
		err = bearerRejected(r)
	default:
		p.raw, err = p.guard.bearerCredential(r)
	}
	return err
}

// dpopCredential returns the one token of a request with the scheme DPoP. Another token in any place that is read makes the
// request invalid (RFC 6750 section 2). BearerToken, if it is one of the sources, finds none: the only
// Authorization header has the scheme DPoP.
func (g *Guard) dpopCredential(r *http.Request) (string, error) {
	lines := r.Header["Authorization"]
	if len(lines) > 1 {
		return "", errTwoHeaders
	}
	found, err := credentialAfter(schemeOf(lines[0]), lines[0])
	if err != nil {
		return "", err
	}
	for _, source := range g.cfg.TokenSources {
		switch _, err := source.read(r); {
		case err == nil:
			return "", errTwoPlaces
		case !errors.Is(err, ErrNoToken):
			return "", err
		}
	}
	return g.wellFormed(found, nil)
}

// bearerRejected returns the error for a request without the scheme DPoP. It is called with DPoPConfig.Required only.
func bearerRejected(r *http.Request) error {
	switch lines := r.Header["Authorization"]; {
	case len(lines) == 0:
		return errNoHeader
	case len(lines) > 1:
		return errTwoHeaders
	case hasScheme(r, schemeBearer):
		return errBearerScheme
	}
	return errOtherScheme
}
