package grpcauth

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// Config configures [Interceptors]. [New] copies it.
type Config struct {
	// Guard authenticates the calls. Required.
	Guard *middleware.Guard

	// Policy contains the rules of each method. A key is "/package.Service/Method", or "/package.Service/*" for all methods
	// of a service that neither Policy nor Public lists by name, and whose names consist of letters, digits and "._-~". The
	// rules of the two kinds of keys are not combined. An empty list of rules requires a valid token only. A call of a method
	// that is not listed is rejected: with PermissionDenied if it has a valid token, and with the status for the missing or
	// invalid token otherwise. Required, unless Public is set.
	Policy map[string][]middleware.Rule

	// Public lists methods that need no token. The names have the same form as the keys of Policy. Tokens in calls of these
	// methods are not verified, and [Token] returns none. An entry for a method takes precedence over the entry for its
	// service, whichever of Policy and Public contains it.
	// Health checks are "/grpc.health.v1.Health/*". Reflection is "/grpc.reflection.v1.ServerReflection/*" and
	// "/grpc.reflection.v1alpha.ServerReflection/*"; it shows the names and messages of all services, so consider an entry
	// in Policy instead. Nil: every method needs a token.
	Public []string

	// Recheck is the interval at which the token of an open stream is verified again; see [middleware.Recheck]. It is the
	// longest time that a revoked token may still be used, in addition to the time for which the Verifier caches the status of
	// a token. A negative value is an error. Zero: one minute.
	Recheck time.Duration

	// InsecureAllowPlaintext accepts tokens on connections that are not encrypted. Set it only if a proxy on another machine
	// terminates TLS, and if the network between the proxy and this server is trusted. False: calls of methods in Policy are
	// rejected unless their connection uses TLS (or other credentials with privacy and integrity), comes from a loopback
	// address or a Unix domain socket, or stays in memory (bufconn). The log then names the rule "encrypted connection".
	InsecureAllowPlaintext bool
}

// Interceptors guard the methods of a gRPC server. Make one with [New]; the zero value and nil reject all calls. It is safe for
// concurrent use.
type Interceptors struct {
	guard    *middleware.Guard
	methods  map[string]entry // by full method
	services map[string]entry // by service, with the slash in front
	unlisted entry
	recheck  time.Duration
	insecure bool
}

// New returns Interceptors for cfg. The error joins all faults of cfg, such as method names that are malformed or listed
// twice, and invalid rules. Each fault names its field. New adds the scopes of the rules to the metadata of the Guard (see
// [middleware.Guard.Declare]). It does no I/O.
func New(cfg Config) (*Interceptors, error) {
	i := &Interceptors{
		guard: cfg.Guard, recheck: cfg.Recheck, insecure: cfg.InsecureAllowPlaintext,
		methods: make(map[string]entry), services: make(map[string]entry), unlisted: unlisted(),
	}
	var faults []error
	if cfg.Guard == nil {
		faults = append(faults, errors.New("grpcauth: Config.Guard is required"))
	}
	if len(cfg.Policy) == 0 && len(cfg.Public) == 0 {
		faults = append(faults, errors.New("grpcauth: Config.Policy is empty, expected at least one method"))
	}
	if cfg.Recheck < 0 {
		faults = append(faults, fmt.Errorf("grpcauth: Config.Recheck is %v, expected zero or more", cfg.Recheck))
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Policy)) {
		faults = append(faults, i.addRules(name, cfg.Policy[name]))
	}
	for n, name := range cfg.Public {
		faults = append(faults, i.add(fmt.Sprintf("Config.Public[%d]", n), name, entry{public: true}))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	for _, rules := range cfg.Policy {
		cfg.Guard.Declare(rules...)
	}
	return i, nil
}

// ServerOptions returns the options that guard a server: both interceptors, and a handler for unknown methods. Without this
// handler, grpc-go itself responds to calls of unknown methods, even without a token, so callers can find out which methods
// exist. Pass an interceptor that recovers from panics in an earlier option: it then runs first. An UnknownServiceHandler in
// a later option replaces the one of this list, and is guarded too.
func (i *Interceptors) ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(i.Unary),
		grpc.ChainStreamInterceptor(i.Stream),
		grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error {
			return status.Error(codes.Unimplemented, "unknown method")
		}),
	}
}

// Token returns the verified token of the call whose context is ctx. It returns nil and false in a public method, and in a
// call without credentials that [middleware.Config].Optional let pass. Check the second result before you use the token.
func Token(ctx context.Context) (*consumer.Token, bool) { return middleware.TokenFromContext(ctx) }
