package grpcauth_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerkit/bearerkit/adapters/grpcauth"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

type policy = map[string][]middleware.Rule

func TestNewReportsFaults(t *testing.T) {
	t.Parallel()
	guard := newGuard(t, newIssuer(), nil)
	for name, test := range map[string]struct {
		cfg  grpcauth.Config
		want []string // one part of each line of the error
	}{
		"valid": {grpcauth.Config{Guard: guard, Policy: policy{
			"/a.B/C": nil, "/a.B/*": {middleware.Scopes("x")}, "/my-service/do_it": nil, "/prefix/a.B/C": nil,
		}, Public: []string{"/grpc.health.v1.Health/*", "/a.B/D"}}, nil},
		"public only":    {grpcauth.Config{Guard: guard, Public: []string{"/a.B/*"}}, nil},
		"nothing":        {grpcauth.Config{}, []string{"Config.Guard is required", "Config.Policy is empty"}},
		"recheck":        {grpcauth.Config{Guard: guard, Policy: policy{"/a.B/C": nil}, Recheck: -time.Second}, []string{"Config.Recheck is -1s"}},
		"no slash":       {grpcauth.Config{Guard: guard, Policy: policy{"a.B/C": nil}}, []string{`Config.Policy["a.B/C"] is "a.B/C"`}},
		"no method":      {grpcauth.Config{Guard: guard, Policy: policy{"/a.B/": nil, "/a.B": nil, "/": nil, "": nil}}, []string{`[""]`, `["/"]`, `["/a.B"]`, `["/a.B/"]`}},
		"no service":     {grpcauth.Config{Guard: guard, Policy: policy{"//C": nil}}, []string{`["//C"]`}},
		"all services":   {grpcauth.Config{Guard: guard, Policy: policy{"*": nil, "/*": nil, "/*/*": nil}}, []string{`["*"]`, `["/*"]`, `["/*/*"]`}},
		"pattern":        {grpcauth.Config{Guard: guard, Policy: policy{"/a.B/Get*": nil, "/a.*/C": nil}}, []string{`["/a.*/C"]`, `["/a.B/Get*"]`}},
		"of net/http":    {grpcauth.Config{Guard: guard, Policy: policy{"POST /a.B/C": nil}}, []string{`["POST /a.B/C"]`}},
		"space":          {grpcauth.Config{Guard: guard, Public: []string{"/a.B/C ", "/a.B/Ü"}}, []string{"Config.Public[0]", "Config.Public[1]"}},
		"query":          {grpcauth.Config{Guard: guard, Policy: policy{"/a.B/C?x=y": nil, "/a.B/%43": nil}}, []string{`["/a.B/%43"]`, `["/a.B/C?x=y"]`}},
		"empty element":  {grpcauth.Config{Guard: guard, Policy: policy{"/a//B/C": nil}}, []string{`["/a//B/C"]`}},
		"listed twice":   {grpcauth.Config{Guard: guard, Policy: policy{"/a.B/C": nil}, Public: []string{"/a.B/C"}}, []string{`Config.Public[0] is "/a.B/C", which is listed twice`}},
		"service twice":  {grpcauth.Config{Guard: guard, Policy: policy{"/a.B/*": nil}, Public: []string{"/a.B/*"}}, []string{`Config.Public[0] is "/a.B/*", which is listed twice`}},
		"public twice":   {grpcauth.Config{Guard: guard, Public: []string{"/a.B/C", "/a.B/C"}}, []string{"Config.Public[1]"}},
		"invalid rule":   {grpcauth.Config{Guard: guard, Policy: policy{"/a.B/C": {middleware.Scopes()}}}, []string{`Config.Policy["/a.B/C"]: Scopes needs at least one scope`}},
		"zero rule":      {grpcauth.Config{Guard: guard, Policy: policy{"/a.B/C": {{}}}}, []string{`Config.Policy["/a.B/C"]: the zero Rule is invalid`}},
		"several faults": {grpcauth.Config{Policy: policy{"x": nil, "/a.B/C": {{}}}, Recheck: -1}, []string{"Config.Guard", "Config.Recheck", `["/a.B/C"]`, `["x"]`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := grpcauth.New(test.cfg)
			if err == nil != (len(test.want) == 0) {
				t.Fatalf("error %v, expected %q", err, test.want)
			}
			if err == nil {
				return
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != len(test.want) {
				t.Fatalf("error %q, expected %q", lines, test.want)
			}
			for n, line := range lines {
				if !strings.Contains(line, test.want[n]) || !strings.HasPrefix(line, "grpcauth: Config.") {
					t.Errorf("line %q, expected %q", line, test.want[n])
				}
			}
		})
	}
}

// The metadata document of the Guard lists the scopes of the policy.
func TestScopesAreDeclared(t *testing.T) {
	t.Parallel()
	guard := newGuard(t, newIssuer(), func(_ *consumer.Config, g *middleware.Config) { g.Resource = "https://api.test" })
	newInterceptors(t, grpcauth.Config{Guard: guard, Policy: policy{
		"/a.B/C": {middleware.Scopes("read")}, "/a.B/*": {middleware.AnyScope("write", "admin")},
	}})
	recorder := httptest.NewRecorder()
	guard.MetadataHandler().ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, guard.MetadataPath(), nil))
	if want := `"scopes_supported":["admin","read","write"]`; !strings.Contains(recorder.Body.String(), want) {
		t.Errorf("%s, expected %s", recorder.Body, want)
	}
}

// Each call is decided by the most specific name. What no name matches is rejected, whether the server has the method or not.
func TestPolicy(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	i := newInterceptors(t, grpcauth.Config{
		Guard: newGuard(t, issuer, nil),
		Policy: policy{
			"/listed.Service/Show": {middleware.Scopes("read")},
			"/wild.Service/*":      {middleware.Scopes("admin")},
			"/wild.Service/Show":   nil,
			"/open.Service/Chat":   {middleware.Scopes("read")},
		},
		Public: []string{"/open.Service/*", "/wild.Service/Ping"},
	})
	server := grpc.NewServer(i.ServerOptions()...)
	for _, service := range []string{"listed.Service", "wild.Service", "open.Service", "other.Service"} {
		server.RegisterService(describe(service, "Show", "Chat"), &methods{show: greet, chat: echo})
	}
	conn := inMemory(t, server)
	reader := issuer.AccessToken().Set("scope", "read").Sign()
	for method, want := range map[string]struct{ anonymous, reader codes.Code }{
		"/listed.Service/Show":            {codes.Unauthenticated, codes.OK},
		"/listed.Service/Chat":            {codes.Unauthenticated, codes.PermissionDenied},
		"/listed.Service/Other":           {codes.Unauthenticated, codes.PermissionDenied}, // unknown
		"/wild.Service/Show":              {codes.Unauthenticated, codes.OK},
		"/wild.Service/Chat":              {codes.Unauthenticated, codes.PermissionDenied},
		"/wild.Service/Other":             {codes.Unauthenticated, codes.PermissionDenied},
		"/wild.Service/Ping":              {codes.Unimplemented, codes.Unimplemented}, // public and unknown
		"/open.Service/Show":              {codes.OK, codes.OK},
		"/open.Service/Chat":              {codes.Unauthenticated, codes.OK},
		"/open.Service/my-method_1.a~":    {codes.Unimplemented, codes.Unimplemented},
		"/open.Service/*":                 {codes.Unauthenticated, codes.PermissionDenied},
		"/open.Service/":                  {codes.Unauthenticated, codes.PermissionDenied},
		"/open.Service/..":                {codes.Unauthenticated, codes.PermissionDenied},
		"/open.Service/%43hat":            {codes.Unauthenticated, codes.PermissionDenied}, // other servers may read Chat
		"/open.Service/Chat?x":            {codes.Unauthenticated, codes.PermissionDenied},
		"/open.Service/Chat#x":            {codes.Unauthenticated, codes.PermissionDenied},
		"/open.Service/Chat;x":            {codes.Unauthenticated, codes.PermissionDenied},
		"/open.Service/Chat ":             {codes.Unauthenticated, codes.PermissionDenied},
		"/open.Service/\u00a0Chat":        {codes.Unauthenticated, codes.PermissionDenied},
		"/open.Service/a/Show":            {codes.Unauthenticated, codes.PermissionDenied},
		"/open.service/Show":              {codes.Unauthenticated, codes.PermissionDenied},
		"/open.Service//Show":             {codes.Unauthenticated, codes.PermissionDenied},
		"/open%2EService/Show":            {codes.Unauthenticated, codes.PermissionDenied},
		"/Open/Show?x=/open.Service/Show": {codes.Unauthenticated, codes.PermissionDenied},
		"/other.Service/Show":             {codes.Unauthenticated, codes.PermissionDenied},
		"/other.Service/Chat":             {codes.Unauthenticated, codes.PermissionDenied},
		"/other.Service/Other":            {codes.Unauthenticated, codes.PermissionDenied},
		"/unknown.Service/Show":           {codes.Unauthenticated, codes.PermissionDenied},
		"/*/*":                            {codes.Unauthenticated, codes.PermissionDenied},
	} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			in := wrapperspb.String("")
			anonymous := conn.Invoke(t.Context(), method, in, new(text))
			authorized := conn.Invoke(with(t.Context(), reader), method, in, new(text))
			got := []codes.Code{status.Code(anonymous), status.Code(authorized)}
			if diff := cmp.Diff([]codes.Code{want.anonymous, want.reader}, got); diff != "" {
				t.Error(diff, anonymous, authorized)
			}
		})
	}
}

func TestCheckServer(t *testing.T) {
	t.Parallel()
	server := grpc.NewServer()
	server.RegisterService(describe("a.Service", "Show", "Chat"), &methods{})
	healthpb.RegisterHealthServer(server, health.NewServer())
	for name, test := range map[string]struct {
		policy policy
		public []string
		want   []string
	}{
		"complete":        {policy{"/a.Service/Show": nil, "/a.Service/Chat": nil}, []string{"/grpc.health.v1.Health/*"}, nil},
		"services":        {policy{"/a.Service/*": nil, "/grpc.health.v1.Health/*": nil}, nil, nil},
		"method missing":  {policy{"/a.Service/Show": nil}, []string{"/grpc.health.v1.Health/*"}, []string{`the server has the method "/a.Service/Chat"`}},
		"service missing": {policy{"/a.Service/*": nil}, nil, []string{`"/grpc.health.v1.Health/Check"`, `"/grpc.health.v1.Health/List"`, `"/grpc.health.v1.Health/Watch"`}},
		"names that do not exist": {
			policy{"/a.Service/*": nil, "/a.Service/Shwo": nil, "/grpc.health.v1.Health/*": nil, "/b.Service/*": nil},
			[]string{"/a.service/Show"},
			[]string{`lists the method "/a.Service/Shwo"`, `lists the method "/a.service/Show"`, `lists the service "/b.Service/*"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := newInterceptors(t, grpcauth.Config{Guard: newGuard(t, newIssuer(), nil), Policy: test.policy, Public: test.public})
			var lines []string
			if err := i.CheckServer(server); err != nil {
				lines = strings.Split(err.Error(), "\n")
			}
			if len(lines) != len(test.want) {
				t.Fatalf("error %q, expected %q", lines, test.want)
			}
			for n, want := range test.want {
				if !strings.Contains(lines[n], want) {
					t.Errorf("line %q, expected %q", lines[n], want)
				}
			}
		})
	}
}

// The zero Interceptors reject all calls, and a public method needs no token but finds none either.
func TestZeroInterceptors(t *testing.T) {
	t.Parallel()
	for name, i := range map[string]*grpcauth.Interceptors{"zero": {}, "nil": nil} {
		for _, method := range []string{show, chat, "/unknown.Service/Show"} {
			t.Run(name+" "+method, func(t *testing.T) {
				t.Parallel()
				server := grpc.NewServer(i.ServerOptions()...)
				i.Registrar(server).RegisterService(describe("test.Orders", "Show", "Chat"), &methods{show: greet, chat: echo})
				err := inMemory(t, server).Invoke(t.Context(), method, wrapperspb.String(""), new(text))
				if status.Code(err) != codes.Internal {
					t.Error(err)
				}
			})
		}
	}
}
