package middleware

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"slices"

	"github.com/bearerkit/bearerkit/consumer"
)

const defaultRealm = "api"

// Config configures a [Guard]. [New] copies it.
type Config struct {
	// Verifier verifies the tokens: a [consumer.Consumer], a [consumer.Group] or one of the application. It must be safe
	// for concurrent use. Required.
	//
	// A custom Verifier makes its tokens with [consumer.NewToken]. A nil or zero Token results in status 500. The errors
	// of a custom Verifier should match consumer.ErrInvalidToken (401) or consumer.ErrUnavailable (503). Any other error
	// means a fault of the Verifier and results in status 500.
	Verifier consumer.Verifier

	// Realm names the protected space in every challenge (RFC 9110 section 11.5). It must be printable ASCII. Empty: "api".
	Realm string

	// Resource is the identifier of this API (RFC 8707, RFC 9728 section 1.2): an https URL without query and fragment. If
	// it is set, every challenge contains the URL of the metadata document, and the application must serve that document
	// at [Guard.MetadataPath]. The URL depends on this field only, never on the request. Empty: challenges contain no URL.
	Resource string

	// TokenSources lists the places of a request in which a token may be. Exactly these are read, and a request with a
	// token in two of them is rejected with 400: see [FirstOf] for an order of preference. Nil: [BearerToken] only, which
	// reads the Authorization header. Other lists must name BearerToken if that header is to be read. New rejects a list
	// that is empty but not nil.
	//
	// Shared caches do not store responses to requests with an Authorization header, but they do not know other places
	// (RFC 9111 section 3.5). If TokenSources is set, Handler, With and Routes therefore add Cache-Control: private to
	// responses (RFC 6750 section 2.3), which the handler may replace. Callers of Authenticate must add it themselves.
	TokenSources []TokenSource

	// AllowPreflight lets CORS preflights (OPTIONS with Origin and Access-Control-Request-Method) pass without a token.
	// Set it only if the CORS middleware is behind the Guard, where it answers them. Better put it in front of the Guard.
	//
	// A preflight that passes reaches the next handler without a token, so handlers must check the ok result of
	// [TokenFromContext]. Credentials in it are ignored, no rule is applied, and no Decision is reported. It never has a
	// body: an OPTIONS request with a body, or with a repeated Origin or Access-Control-Request-Method, is not a preflight
	// and needs a token. [Guard.Routes] lets a preflight pass only if the policy names its path for the requested method.
	//
	// False: preflights need a token like any other request. Browsers send none, so they are rejected.
	AllowPreflight bool

	// Optional lets requests without credentials pass without a token, where no rule applies. Requests with invalid
	// credentials are still rejected. So are requests that have only an Authorization header of another scheme, if
	// [BearerToken] is read, because the Guard cannot check them. False: every request needs a token.
	Optional bool

	// DenyHandler writes the responses to rejected requests. Before the call, the Guard sets WWW-Authenticate, Retry-After
	// and Cache-Control as the status requires. DenyHandler writes status and body. If it sets no status, the Refusal's
	// is sent. Informational statuses (1xx) are dropped. It is not called for a canceled request. Nil: the Guard writes a
	// problem document (RFC 9457).
	DenyHandler func(w http.ResponseWriter, r *http.Request, refusal *Refusal)

	// OnDecision is called with every decision before a response is written. It runs within the request, so it should
	// return quickly. It must be safe for concurrent use. Nil: no call.
	OnDecision func(ctx context.Context, decision Decision)

	// Logger receives one line for each rejected request: at level Debug for requests without a token or with malformed
	// credentials, at Info for invalid tokens and rules that are not met, at Warn for outages, and at Error for faults of
	// this API. The line has the status, reason, issuer and rule, but no token and no text of an error, which may quote
	// one: Decision.Err has that. If a custom Verifier returned a nil or zero Token, the line says so in `detail`. At most ten lines with the same values are written in ten seconds; the next line then
	// counts the dropped ones in the attribute `suppressed`. Nil: nothing is logged.
	Logger *slog.Logger
}

// New returns a Guard for cfg. If cfg has faults, the error joins all of them, and each names its field. New does no I/O.
func New(cfg Config) (*Guard, error) {
	if cfg.Realm == "" {
		cfg.Realm = defaultRealm
	}
	metadata, err := metadataURL(cfg.Resource)
	if err := errors.Join(append(cfg.faults(), err)...); err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	cfg.TokenSources = slices.Clone(cfg.TokenSources)
	g := &Guard{
		cfg: cfg, jwtOnly: jwtOnly(cfg.Verifier), sampler: newSampler(),
		challenges: challengesOf(cfg.Realm, metadata), metadataPath: metadata.EscapedPath(),
	}
	g.first = g
	return g, nil
}

// faults returns an error for each invalid field but Resource.
func (cfg Config) faults() (faults []error) {
	if isNil(cfg.Verifier) {
		faults = append(faults, errors.New("middleware: Config.Verifier is required: it is nil or contains a nil value"))
	}
	if !isPrintable(cfg.Realm) {
		faults = append(faults, fmt.Errorf("middleware: Config.Realm is %q, expected printable ASCII", cfg.Realm))
	}
	if cfg.TokenSources != nil && len(cfg.TokenSources) == 0 {
		faults = append(faults, errors.New(
			"middleware: Config.TokenSources is empty, expected a source, or nil to read the Authorization header only"))
	}
	for i, source := range cfg.TokenSources {
		if source == nil {
			faults = append(faults, fmt.Errorf("middleware: Config.TokenSources[%d] is nil: "+
				"HeaderToken, CookieToken and FirstOf return nil for invalid arguments", i))
		}
	}
	return faults
}

// isNil reports whether v is nil or contains a nil pointer, func, map or the like.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	value := reflect.ValueOf(v)
	switch value.Kind() { // values of all other kinds cannot be nil
	case reflect.Pointer, reflect.Func, reflect.Map, reflect.Slice, reflect.Chan, reflect.UnsafePointer:
		return value.IsNil()
	}
	return false
}

// jwtOnly reports whether v itself rejects every credential that is not a JWT, without I/O.
func jwtOnly(v consumer.Verifier) bool {
	strict, ok := v.(interface{ JWTOnly() bool })
	return ok && strict.JWTOnly()
}
