package middleware

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/nilcheck"
	"github.com/bearerkit/bearerkit/resourcemetadata"
)

const defaultRealm = "api"

// Config configures a [Guard]. [New] copies it.
type Config struct {
	// Verifier verifies the tokens. It is a [*consumer.Consumer], a [*consumer.Group], or a Verifier of the
	// application. It must be safe for concurrent use. Required.
	//
	// A custom Verifier makes its tokens with [consumer.NewToken]. A nil or zero Token results in status 500. The errors
	// of a custom Verifier should match consumer.ErrInvalidToken (401) or consumer.ErrUnavailable (503). Any other error
	// means a fault of the Verifier and results in status 500.
	Verifier consumer.Verifier

	// Realm names the protected space in every challenge (RFC 9110 section 11.5). It must be printable ASCII. Empty: "api".
	Realm string

	// Resource is the identifier of this API (RFC 8707, RFC 9728 section 1.2): an https URL without query and fragment. An
	// http URL is accepted only with a loopback host (localhost, 127.0.0.0/8, ::1), for development. If Resource is set,
	// every challenge contains the URL of the metadata document, and the application must serve that document: register
	// [Guard.MetadataHandler] at [Guard.MetadataPath]. That URL depends on this field only, never on the request. Empty:
	// challenges contain no URL.
	Resource string

	// Metadata adds members to the metadata document: the name of the resource, its documentation and policy, the URL of the
	// keys with which it signs responses, and Extra, for example with "resource_name#de". Members that the Guard generates must
	// be zero: Resource, ScopesSupported, AuthorizationDetailsTypesSupported, and those about DPoP and certificates.
	//
	// BearerMethodsSupported may be set only if TokenSources contains other sources than BearerToken, FormToken and QueryToken,
	// because the Guard does not know which places these sources read. Nil: the document lists the methods of the three.
	//
	// AuthorizationServers may be set. Nil: the document lists the issuers of the Verifier that are URLs. The Guard reads them
	// from a method Issuer() string or Issuers() []string, which a Consumer, a Group and the Verifiers of package introspection
	// have. If there are more than 100, the document lists none. Issuers that a Group resolves at run time are not listed.
	//
	// Metadata requires Resource. New copies it. Zero: the document contains generated members only.
	Metadata resourcemetadata.Metadata

	// TokenSources lists the places of a request from which a token is read. No other place is read, so the list must
	// contain [BearerToken] if tokens in the Authorization header are to be accepted. A request with tokens in two of
	// the places is rejected with 400; use [FirstOf] to prefer one place to another. If DPoP is set, tokens with the scheme
	// DPoP in the Authorization header are read too. New rejects a list that is empty but not nil. Nil: BearerToken only.
	//
	// Shared caches do not store responses to requests with an Authorization header, but they do not recognize a token
	// in another place (RFC 9111 section 3.5). If TokenSources is set, Handler, With and Routes therefore add
	// Cache-Control: private to the response (RFC 6750 section 2.3). The handler may replace it. Callers of
	// Authenticate must call [Guard.SetHeader].
	TokenSources []TokenSource

	// DPoP accepts tokens that are bound to a key of the client, with a proof for each request (RFC 9449). Nil: the scheme
	// DPoP is treated as an unknown scheme, and tokens that are bound to a key are rejected.
	DPoP *DPoPConfig

	// MTLS accepts tokens that are bound to a certificate of the client (RFC 8705). Nil: such tokens are rejected. A token
	// that is bound to a key and to a certificate needs both DPoP and MTLS.
	MTLS *MTLSConfig

	// AllowPreflight lets CORS preflights (OPTIONS with Origin and Access-Control-Request-Method) pass without a token.
	// Set it only if the CORS middleware must be behind the Guard. If possible, put the CORS middleware in front of the
	// Guard instead.
	//
	// A preflight that passes reaches the next handler without a token, so handlers must check the ok result of
	// [TokenFromContext]. Credentials in it are ignored, no rule is applied, and no Decision is reported. An OPTIONS
	// request with a body, with Upgrade, or with a repeated Origin or Access-Control-Request-Method is not a preflight
	// and needs a token. [Guard.Routes] lets a preflight pass only if a pattern of the policy matches its path, for the
	// method in Access-Control-Request-Method or for OPTIONS.
	//
	// False: preflights need a token like any other request. Browsers send none, so they are rejected.
	AllowPreflight bool

	// Optional lets requests without credentials pass without a token on routes without rules. Requests with invalid
	// credentials are still rejected. If [BearerToken] is read, a request whose Authorization header has another scheme
	// is rejected too, unless it has a token elsewhere: the Guard cannot check that header. False: every request needs
	// a token.
	Optional bool

	// DenyHandler writes the responses to rejected requests. Before the call, the Guard sets WWW-Authenticate,
	// Retry-After, Cache-Control and DPoP-Nonce as the status and the code require. DenyHandler writes status and body. If
	// it writes no status, refusal.Status is sent. Informational statuses (1xx) that it writes are not sent. It is not
	// called if refusal.Status is 499, because the client has canceled the request. Nil: the Guard writes a problem
	// document (RFC 9457).
	DenyHandler func(w http.ResponseWriter, r *http.Request, refusal *Refusal)

	// OnDecision is called with each decision, before the next handler is called or the response is written. It runs
	// during the request, so it should return quickly. It must be safe for concurrent use. Nil: no call.
	OnDecision func(ctx context.Context, decision Decision)

	// Explain is called after each decision with the result of every check: those of the credential, of the token, and of
	// the rules. To print them, call fmt.Println(x). Explain is for development and not for production: the checks take
	// longer, and the results quote parts of tokens that may be forged. [consumer.Explanation] lists what they quote. The
	// Guard cannot explain a custom Verifier: its checks are one entry. Explain must be safe for concurrent use. Nil: no
	// call and no cost.
	Explain func(ctx context.Context, x consumer.Explanation)

	// Logger receives one line for each rejected request:
	//   - at level Debug for requests without a token, with malformed credentials, without a DPoP nonce that is required, or
	//     canceled by the client;
	//   - at Info for tokens and proofs that are not acceptable, and rules that are not met;
	//   - at Warn for outages, and at Error for faults of this API.
	//
	// Its attributes are status, reason, issuer, rule and detail. If a rule rejected a verified token, the attribute
	// principal is user or client.
	//
	// The attribute detail is Refusal.Detail: what was expected, what was received, and the field that decides. The field
	// is one of this Config or of consumer.Config. The attribute is absent if there is no detail. It quotes at most 100
	// bytes each of `alg`, `typ`, `kid`, `iss`, `aud`, `acr`, the client, the tenant, and the claim that shows the kind of
	// token. The line contains neither the token nor `sub`, an email address or a scope of the token. Errors of the
	// application are not logged, because they may quote a token. Read them from Decision.Err.
	//
	// At most ten lines with the same status, reason, issuer and rule are written in ten seconds. The attribute
	// suppressed of the next line then says how many lines were dropped. Nil: nothing is logged.
	Logger *slog.Logger
}

// New returns a Guard for cfg. If cfg has faults, the error joins all of them, and each names its field. New does no I/O.
func New(cfg Config) (*Guard, error) {
	g, err := newGuard(cfg, new(durable))
	if err != nil {
		return nil, err
	}
	g.first = g
	return g, nil
}

// newGuard returns a Guard for cfg that shares kept with the Guards that it replaces.
func newGuard(cfg Config, kept *durable) (*Guard, error) {
	if cfg.Realm == "" {
		cfg.Realm = defaultRealm
	}
	metadata, err := metadataURL(cfg.Resource)
	dpop, fault := newDPoP(cfg.DPoP, kept, cfg.Realm, metadata)
	document, invalid := (*document)(nil), error(nil)
	if err == nil && fault == nil {
		document, invalid = newDocument(&cfg, dpop, &kept.declared)
	}
	faults := append(cfg.faults(), err, fault, invalid)
	if err := errors.Join(append(faults, cfg.MTLS.faults()...)...); err != nil {
		return nil, err
	}
	dpop.keep(kept)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	cfg.TokenSources = slices.Clone(cfg.TokenSources)
	return &Guard{
		cfg: cfg, jwtOnly: jwtOnly(cfg.Verifier), sampler: newSampler(), dpop: dpop, kept: kept,
		challenges:   newChallenges(openChallenge(schemeBearer, cfg.Realm, metadata)),
		metadataPath: metadata.EscapedPath(), document: document, certificates: cfg.MTLS.source(),
	}, nil
}

// faults returns an error for each invalid field, except Resource.
func (cfg Config) faults() (faults []error) {
	if nilcheck.IsNil(cfg.Verifier) {
		faults = append(faults, errors.New("middleware: Config.Verifier is required: it is nil or contains a nil value"))
	}
	if !isPrintable(cfg.Realm) {
		faults = append(faults, fmt.Errorf("middleware: Config.Realm is %q, expected printable ASCII", cfg.Realm))
	}
	if cfg.TokenSources != nil && len(cfg.TokenSources) == 0 {
		faults = append(faults, errors.New(
			"middleware: Config.TokenSources is empty, expected a source, or nil to read the Authorization header only"))
	}
	if cfg.TokenSources != nil && cfg.DPoP != nil && cfg.DPoP.Required {
		faults = append(faults, errTokenSources)
	}
	for i, source := range cfg.TokenSources {
		if source == nil {
			faults = append(faults, fmt.Errorf("middleware: Config.TokenSources[%d] is nil: "+
				"HeaderToken, CookieToken and FirstOf return nil for invalid arguments", i))
		}
	}
	return faults
}

// jwtOnly reports whether v itself rejects every credential that is not a JWT, without I/O.
func jwtOnly(v consumer.Verifier) bool {
	strict, ok := v.(interface{ JWTOnly() bool })
	return ok && strict.JWTOnly()
}
