package grpcauth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerkit/bearerkit/adapters/grpcauth"
	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// Only the key authorization contains a token, once, in any case.
func TestMetadata(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	token := "Bearer " + issuer.AccessToken().Sign()
	for name, test := range map[string]struct {
		md   metadata.MD
		want codes.Code
	}{
		"lower case":           {metadata.MD{"authorization": {token}}, codes.OK},
		"other keys too":       {metadata.MD{"authorization": {token}, "x-other": {"a", "b"}, "data-bin": {"\x00\xff\r\n"}}, codes.OK},
		"upper case":           {metadata.MD{"AUTHORIZATION": {token}}, codes.OK}, // from a caller in the process
		"none":                 {metadata.MD{}, codes.Unauthenticated},
		"twice":                {metadata.MD{"authorization": {token, token}}, codes.Unauthenticated},
		"good and empty":       {metadata.MD{"authorization": {token, ""}}, codes.Unauthenticated},
		"joined by a comma":    {metadata.MD{"authorization": {token + ", " + token}}, codes.Unauthenticated},
		"binary":               {metadata.MD{"authorization-bin": {token}}, codes.Unauthenticated},
		"binary of another":    {metadata.MD{"authorization": {"Bearer x.y"}, "authorization-bin": {token}}, codes.Unauthenticated},
		"pseudo header":        {metadata.MD{":authorization": {token}}, codes.Unauthenticated},
		"gateway":              {metadata.MD{"grpcgateway-authorization": {token}}, codes.Unauthenticated},
		"proxy":                {metadata.MD{"proxy-authorization": {token}}, codes.Unauthenticated},
		"cookie":               {metadata.MD{"cookie": {"authorization=" + token}}, codes.Unauthenticated},
		"line break":           {metadata.MD{"authorization": {token + "\r\nx: y"}}, codes.Unauthenticated},
		"space at the end":     {metadata.MD{"authorization": {token + " x"}}, codes.Unauthenticated},
		"no values":            {metadata.MD{"authorization": {}}, codes.Unauthenticated},
		"authority, no values": {metadata.MD{":authority": {}, "authorization": {token}}, codes.OK},
		"several authorities":  {metadata.MD{":authority": {"a", "b"}, "authorization": {token}}, codes.OK},
		"name of no header":    {metadata.MD{"authorization ": {token}}, codes.Unauthenticated},
		"name with a long s":   {metadata.MD{"authoriſation": {token}}, codes.Unauthenticated},
		"empty name":           {metadata.MD{"": {token}, "authorization": {token}}, codes.OK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := newInterceptors(t, grpcauth.Config{Guard: newGuard(t, issuer, nil), Policy: policy{show: nil}, InsecureAllowPlaintext: true})
			ctx := metadata.NewIncomingContext(t.Context(), test.md)
			ran := false
			_, err := i.Unary(ctx, nil, &grpc.UnaryServerInfo{FullMethod: show}, func(context.Context, any) (any, error) {
				ran = true
				return nil, nil
			})
			if status.Code(err) != test.want || ran != (test.want == codes.OK) {
				t.Errorf("%v, handler ran %v; expected %v", err, ran, test.want)
			}
		})
	}
}

// A key that ends in -bin has a binary value, so a TokenSource does not see it.
func TestBinaryKeysAreNotRead(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	token := issuer.AccessToken().Sign()
	for key, want := range map[string]codes.Code{"x-token": codes.OK, "x-token-bin": codes.Unauthenticated} {
		guard := newGuard(t, issuer, func(_ *consumer.Config, g *middleware.Config) {
			g.TokenSources = []middleware.TokenSource{middleware.HeaderToken(key)}
		})
		i := newInterceptors(t, grpcauth.Config{Guard: guard, Policy: policy{show: nil}, InsecureAllowPlaintext: true})
		ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs(key, token))
		_, err := i.Unary(ctx, nil, &grpc.UnaryServerInfo{FullMethod: show}, func(context.Context, any) (any, error) { return nil, nil })
		if status.Code(err) != want {
			t.Errorf("%s: %v, expected %v", key, err, want)
		}
	}
}

// An address of a connection, as net.Conn describes it.
type address struct{ network, text string }

func (a address) Network() string { return a.network }
func (a address) String() string  { return a.text }

// info is what transport credentials say about a connection.
type info struct{ credentials.CommonAuthInfo }

func (info) AuthType() string { return "test" }

type unknownInfo struct{}

func (unknownInfo) AuthType() string { return "unknown" }

// Tokens on connections that others can read are rejected, by a rule that the operator finds in the log.
func TestPlaintext(t *testing.T) {
	t.Parallel()
	level := func(l credentials.SecurityLevel) info { return info{credentials.CommonAuthInfo{SecurityLevel: l}} }
	remote := address{"tcp", "192.0.2.7:5000"}
	for name, test := range map[string]struct {
		peer *peer.Peer
		want bool
	}{
		"TLS":                   {&peer.Peer{Addr: remote, AuthInfo: credentials.TLSInfo{CommonAuthInfo: level(credentials.PrivacyAndIntegrity).CommonAuthInfo}}, true},
		"TLS, level not set":    {&peer.Peer{Addr: remote, AuthInfo: credentials.TLSInfo{State: tls.ConnectionState{HandshakeComplete: true}}}, true},
		"TLS, no handshake":     {&peer.Peer{Addr: remote, AuthInfo: credentials.TLSInfo{}}, false},
		"other encryption":      {&peer.Peer{Addr: remote, AuthInfo: level(credentials.PrivacyAndIntegrity)}, true},
		"integrity only":        {&peer.Peer{Addr: remote, AuthInfo: level(credentials.IntegrityOnly)}, false},
		"insecure credentials":  {&peer.Peer{Addr: remote, AuthInfo: level(credentials.NoSecurity)}, false},
		"level not set":         {&peer.Peer{Addr: remote, AuthInfo: level(credentials.InvalidSecurityLevel)}, false},
		"unknown credentials":   {&peer.Peer{Addr: remote, AuthInfo: unknownInfo{}}, false},
		"no credentials":        {&peer.Peer{Addr: remote}, false},
		"loopback":              {&peer.Peer{Addr: address{"tcp", "127.0.0.1:5000"}}, true},
		"loopback, IPv6":        {&peer.Peer{Addr: address{"tcp", "[::1]:5000"}}, true},
		"loopback, mapped":      {&peer.Peer{Addr: address{"tcp", "[::ffff:127.0.0.1]:5000"}}, true},
		"private":               {&peer.Peer{Addr: address{"tcp", "10.0.0.1:5000"}}, false},
		"link-local":            {&peer.Peer{Addr: address{"tcp", "[fe80::1%eth0]:5000"}}, false},
		"a name":                {&peer.Peer{Addr: address{"tcp", "localhost:5000"}}, false},
		"no port":               {&peer.Peer{Addr: address{"tcp", "127.0.0.1"}}, false},
		"Unix domain socket":    {&peer.Peer{Addr: address{"unix", "@"}}, true},
		"in memory":             {&peer.Peer{Addr: address{"bufconn", "bufconn"}}, true},
		"unknown network":       {&peer.Peer{Addr: address{"vsock", "1:2"}}, false},
		"no address":            {&peer.Peer{}, false},
		"no address, encrypted": {&peer.Peer{AuthInfo: level(credentials.PrivacyAndIntegrity)}, true},
		"no peer":               {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			issuer := newIssuer()
			for _, insecure := range []bool{false, true} {
				var decisions []middleware.Decision
				guard := newGuard(t, issuer, func(_ *consumer.Config, g *middleware.Config) {
					g.OnDecision = func(_ context.Context, d middleware.Decision) { decisions = append(decisions, d) }
				})
				i := newInterceptors(t, grpcauth.Config{
					Guard: guard, Policy: policy{show: nil}, Public: []string{"/open.Service/*"}, InsecureAllowPlaintext: insecure,
				})
				ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("authorization", "Bearer "+issuer.AccessToken().Sign()))
				if test.peer != nil {
					ctx = peer.NewContext(ctx, test.peer)
				}
				call := func(method string) error {
					_, err := i.Unary(ctx, nil, &grpc.UnaryServerInfo{FullMethod: method}, func(context.Context, any) (any, error) { return nil, nil })
					return err
				}
				err := call(show)
				if (err == nil) != (test.want || insecure) || err != nil && status.Code(err) != codes.PermissionDenied {
					t.Errorf("insecure %v: %v", insecure, err)
				}
				if len(decisions) != 1 || err != nil && decisions[0].Rule != "encrypted connection" {
					t.Errorf("insecure %v: decisions %+v", insecure, decisions)
				}
				if err := call("/open.Service/Show"); err != nil {
					t.Errorf("public method: %v", err)
				}
			}
		})
	}
}

// A DPoP proof names the URL of the method and POST. A new nonce is in the metadata of every response.
func TestDPoP(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	guard := newGuard(t, issuer, func(_ *consumer.Config, g *middleware.Config) {
		g.DPoP = &middleware.DPoPConfig{URL: "https://api.test", RequireNonce: true}
	})
	i := newInterceptors(t, grpcauth.Config{Guard: guard, Policy: policy{"/test.Orders/*": {middleware.SenderConstrained()}}})
	server := grpc.NewServer(i.ServerOptions()...)
	server.RegisterService(describe("test.Orders", "Show", "Chat"), &methods{show: greet, chat: echo})
	conn := inMemory(t, server)
	key := bearertest.NewProofKey("ES256")
	token := issuer.AccessToken().BoundTo(key).Sign()
	invoke := func(method, proof string) (metadata.MD, error) {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "DPoP "+token)
		if proof != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "dpop", proof)
		}
		var header metadata.MD
		err := conn.Invoke(ctx, method, wrapperspb.String("one"), new(text), grpc.Header(&header))
		return header, err
	}
	header, err := invoke(show, key.Proof(http.MethodPost, "https://api.test"+show, token).Sign())
	nonces := header["dpop-nonce"]
	if status.Code(err) != codes.Unauthenticated || len(nonces) != 1 ||
		!strings.Contains(strings.Join(header["www-authenticate"], ";"), `error="use_dpop_nonce"`) {
		t.Fatalf("without a nonce: %v, %v", err, header)
	}
	for name, test := range map[string]struct {
		method, htm, htu string
		want             codes.Code
	}{
		"method":             {show, "POST", "https://api.test" + show, codes.OK},
		"stream":             {chat, "POST", "https://api.test" + chat, codes.OK},
		"another method":     {show, "POST", "https://api.test" + chat, codes.Unauthenticated},
		"another host":       {show, "POST", "https://evil.test" + show, codes.Unauthenticated},
		"without the method": {show, "POST", "https://api.test/", codes.Unauthenticated},
		"GET":                {show, "GET", "https://api.test" + show, codes.Unauthenticated},
	} {
		proof := key.Proof(test.htm, test.htu, token).Set("nonce", nonces[0]).Sign()
		header, err := invoke(test.method, proof)
		if status.Code(err) != test.want {
			t.Errorf("%s: %v, expected %v", name, err, test.want)
		}
		if test.want == codes.OK {
			if _, err := invoke(test.method, proof); status.Code(err) != codes.Unauthenticated {
				t.Errorf("%s, proof used again: %v", name, err)
			}
		} else if !strings.Contains(strings.Join(header["www-authenticate"], ";"), `DPoP realm="api"`) {
			t.Errorf("%s: header %v", name, header)
		}
	}
	if _, err := invoke(show, ""); status.Code(err) != codes.Unauthenticated {
		t.Errorf("without a proof: %v", err)
	}
}

// A token that is bound to a certificate is accepted on the connection with that certificate only.
func TestClientCertificate(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	guard := newGuard(t, issuer, func(_ *consumer.Config, g *middleware.Config) { g.MTLS = &middleware.MTLSConfig{} })
	i := newInterceptors(t, grpcauth.Config{Guard: guard, Policy: policy{"/test.Orders/*": {middleware.SenderConstrained()}}})
	own, client, other := newCertificate(t), newCertificate(t), newCertificate(t)
	server := grpc.NewServer(append(i.ServerOptions(), grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{own}, ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS13,
	})))...)
	server.RegisterService(describe("test.Orders", "Show", "Chat"), &methods{show: greet, chat: echo})
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(own.Leaf)
	conn := serve(t, server, listener, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{
		RootCAs: roots, ServerName: "api.test", Certificates: []tls.Certificate{client}, MinVersion: tls.VersionTLS13,
	})))
	for name, test := range map[string]struct {
		token *bearertest.Token
		want  codes.Code
	}{
		"own certificate":     {issuer.AccessToken().BoundToCertificate(client.Leaf.Raw), codes.OK},
		"another certificate": {issuer.AccessToken().BoundToCertificate(other.Leaf.Raw), codes.Unauthenticated},
		"not bound":           {issuer.AccessToken(), codes.Unauthenticated},
	} {
		for _, method := range []string{show, chat} {
			out := new(text)
			if err := conn.Invoke(with(t.Context(), test.token.Sign()), method, wrapperspb.String("one"), out); status.Code(err) != test.want {
				t.Errorf("%s, %s: %v, expected %v", name, method, err, test.want)
			}
		}
	}
}

func newCertificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{"api.test"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, fault := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	leaf, failure := x509.ParseCertificate(der)
	if err := errors.Join(err, fault, failure); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}
