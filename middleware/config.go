package middleware

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"

	"github.com/bearerkit/bearerkit/consumer"
)

const defaultRealm = "api"

// Config describes a [Guard]. [New] copies it.
type Config struct {
	// Verifier verifies the tokens: a [consumer.Consumer], a [consumer.Group] or one's own. Required.
	//
	// An error of one's own Verifier should match consumer.ErrInvalidToken or consumer.ErrUnavailable; any other is taken
	// for a fault of the Verifier and answered with 500.
	Verifier consumer.Verifier

	// Realm names the protected space in every challenge (RFC 9110 §11.5), in printable ASCII. Empty: "api".
	Realm string

	// Resource is the identifier of this API (RFC 8707, RFC 9728 §1.2): an https URL without query and fragment. When
	// set, every challenge names the URL of the metadata document, which the application then serves at
	// [Guard.MetadataPath]. The URL is derived from this field alone, never from the request. Empty: no metadata.
	Resource string

	// TokenSources are where else a token may be, besides the Authorization header, which is always read (RFC 6750 §2.1).
	// A request with a token in two places is refused. Nil: the header only.
	//
	// Shared caches keep to themselves what was asked for with an Authorization header, but know nothing of other places;
	// so with TokenSources a response gets Cache-Control: private, which the handler may replace (RFC 6750 §2.3, RFC 9111
	// §3.5). Handler, With and Routes do that, Authenticate alone cannot.
	TokenSources []TokenSource

	// Optional lets requests without credentials pass, without a token, where no rule applies. Bad credentials are still
	// refused, and so are those of another scheme: they could not be checked. False: every request needs a token.
	Optional bool

	// DenyHandler writes refusals. When it is called, the challenge, Retry-After and Cache-Control already stand in the
	// header; status and body are left to it, and the status is the refusal's if it sets none. Informational statuses are
	// not sent. It is not called for a caller who is gone. Nil: a problem document (RFC 9457).
	DenyHandler func(w http.ResponseWriter, r *http.Request, refusal *Refusal)

	// OnDecision is told of every decision, before anything is written. It runs within the request, so it should be quick.
	// Nil: nobody is told.
	OnDecision func(ctx context.Context, decision Decision)

	// Logger is told of refusals: at Debug of requests without a token, at Info of bad ones, at Warn of outages, at Error
	// of faults on this side. It never gets a token, nor the text of an error, which may quote one: that is in
	// Decision.Err. Of one kind of refusal (status, reason, issuer, rule) ten lines are written in ten seconds; the next one
	// says as `suppressed` how many were left out. Nil: nothing is logged.
	Logger *slog.Logger
}

// New makes a Guard. Its error joins every fault of the Config.
func New(cfg Config) (*Guard, error) {
	var faults []error
	if cfg.Verifier == nil {
		faults = append(faults, errors.New("middleware: Config.Verifier is required"))
	}
	if cfg.Realm == "" {
		cfg.Realm = defaultRealm
	}
	if !isPrintable(cfg.Realm) {
		faults = append(faults, errors.New("middleware: Config.Realm is not printable ASCII"))
	}
	metadata, err := metadataURL(cfg.Resource)
	if err != nil {
		faults = append(faults, fmt.Errorf("middleware: Config.Resource %w", err))
	}
	if i := slices.IndexFunc(cfg.TokenSources, func(s TokenSource) bool { return s == nil }); i >= 0 {
		faults = append(faults, fmt.Errorf("middleware: Config.TokenSources[%d] is nil", i))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	cfg.TokenSources = slices.Clone(cfg.TokenSources)
	g := &Guard{
		cfg: cfg, formCanWait: cfg.canWait(),
		challenges: challengesOf(cfg.Realm, metadata), metadataPath: metadata.EscapedPath(),
	}
	g.first = g
	return g, nil
}
