package grpcauth

import (
	"context"
	"errors"
	"net/http"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/bearerkit/bearerkit/middleware"
)

// call is one call of a method while the interceptors handle it.
type call struct {
	owner      *Interceptors
	fullMethod string
	request    *http.Request
	transport  grpc.ServerTransportStream
	guarded    bool // whether the Guard has admitted the call; false for a public method
}

// callKey is the context key of an admitted call. Its value is a *call.
type callKey struct{ owner *Interceptors }

// setHeader adds metadata to the header of the response. It is the method SetHeader of a stream, or calls [grpc.SetHeader] for
// a unary call. It returns an error if the header has already been sent, which happens only in streams.
type setHeader func(md metadata.MD) error

// errZero is the error of calls to the zero Interceptors.
var errZero = status.Error(codes.Internal, "internal server error")

// admit authenticates a call. It returns the context for the handler, or the status error of a rejected call.
func (i *Interceptors) admit(ctx context.Context, fullMethod string, set setHeader) (context.Context, *call, error) {
	if i == nil || i.guard == nil {
		return nil, nil, errZero
	}
	entry := i.lookup(fullMethod)
	c := &call{owner: i, fullMethod: fullMethod, transport: grpc.ServerTransportStreamFromContext(ctx)}
	if entry.public || c.isAdmitted(ctx) {
		return ctx, c, nil
	}
	rules := entry.rules
	if !i.insecure && !isProtected(ctx) {
		rules = entry.plaintext
	}
	c.request = requestOf(ctx, fullMethod)
	admitted, err := i.guard.Authenticate(c.request, rules...)
	if err != nil {
		return nil, nil, c.reject(err, set)
	}
	c.guarded = true
	header := make(http.Header)
	i.guard.SetHeader(header, admitted)
	if nonce := header.Get("DPoP-Nonce"); nonce != "" {
		_ = set(metadata.Pairs("dpop-nonce", nonce))
	}
	return context.WithValue(admitted.Context(), callKey{i}, c), c, nil
}

// isAdmitted reports whether these Interceptors have already admitted this call. That happens if a service is registered with
// Registrar, and the server has the interceptors too. The method and the transport stream are compared because a handler may
// pass its context to another server in the process, where it belongs to a new call.
func (c *call) isAdmitted(ctx context.Context) bool {
	before, ok := ctx.Value(callKey{c.owner}).(*call)
	return ok && before.fullMethod == c.fullMethod && before.transport != nil && before.transport == c.transport
}

// converted returns the error that the client receives for the error of a handler. It converts a Refusal to a status error,
// because grpc-go would send the text of the Refusal, which is for operators, to the client.
func (c *call) converted(ctx context.Context, err error, set setHeader) error {
	if _, isRefusal := errors.AsType[*middleware.Refusal](err); !isRefusal {
		return err
	}
	if c.request == nil {
		c.request = requestOf(ctx, c.fullMethod)
	}
	return c.reject(err, set)
}

// reject returns the status error for err. It adds the challenges to the header of the response, and not to the trailer:
// www-authenticate must not be a trailer field (RFC 9110 section 6.5.1), and HTTP servers and proxies may drop it there.
func (c *call) reject(err error, set setHeader) error {
	md, err := c.rejection(err)
	_ = set(md)
	return err
}

// rejection returns the metadata and the status error for err.
func (c *call) rejection(err error) (metadata.MD, error) {
	header := make(http.Header)
	refusal := c.owner.guard.SetDenyHeader(header, c.request, err)
	md := metadata.MD{}
	for _, name := range []string{"www-authenticate", "dpop-nonce"} {
		md.Append(name, header.Values(name)...)
	}
	return md, statusOf(refusal, header.Get("Retry-After")).Err()
}
