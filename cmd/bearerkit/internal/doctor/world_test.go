package doctor_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/doctor"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/testkit/fips"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

func TestMain(m *testing.M) {
	fips.Prepare()
	os.Exit(m.Run())
}

// world is a network in the process: each host has a handler. It opens no sockets, so it works in a bubble of testing/synctest.
type world struct {
	hosts map[string]http.Handler // by scheme and host
	ahead time.Duration           // how far the clocks of the servers are ahead
	slow  time.Duration           // how long the servers wait before they respond
}

// RoundTrip implements http.RoundTripper.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	handler, known := w.hosts[r.URL.Scheme+"://"+r.URL.Host]
	if !known {
		return nil, fmt.Errorf("dial %s: connection refused", r.URL.Host)
	}
	if w.slow > 0 {
		timer := time.NewTimer(w.slow)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	recorder := httptest.NewRecorder()
	recorder.Header().Set("Date", time.Now().Add(w.ahead).UTC().Format(http.TimeFormat))
	handler.ServeHTTP(recorder, r)
	response := recorder.Result()
	response.Request = r
	return response, nil
}

// documented is the part of the JSON output that the tests read.
type documented struct {
	Token    string
	Problems int
	Warnings int
	Findings []struct {
		Check, Severity, Found, Change, Actor, Field string
		Settings                                     []struct{ Field, Value string }
	}
	Settings []struct{ Field, Value string }
}

// diagnose runs doctor and returns its JSON output and its text output, which must not contain the token.
func diagnose(t *testing.T, w *world, raw string, args ...string) (documented, string) {
	t.Helper()
	var outputs [2]bytes.Buffer
	for i, extra := range [][]string{{"--json"}, nil} {
		var stderr bytes.Buffer
		variables := map[string]string{"BEARERKIT_TOKEN": raw}
		env := &cli.Env{
			Stdout: &outputs[i], Stderr: &stderr, HTTPClient: &http.Client{Transport: w},
			Getenv: func(name string) string { return variables[name] },
		}
		code := cli.Run(t.Context(), env, append(append([]string{"doctor"}, args...), extra...), doctor.Command)
		if code == cli.ExitUsage || stderr.Len() > 0 {
			t.Fatalf("exit code %d: %s", code, &stderr)
		}
		if body, signature, ok := cutLast(raw, "."); ok && len(signature) > 20 && strings.Contains(outputs[i].String(), signature) || len(body) > 50 && strings.Contains(outputs[i].String(), body) {
			t.Errorf("the output contains the token or its signature:\n%s", &outputs[i])
		}
	}
	var d documented
	if err := json.Unmarshal(outputs[0].Bytes(), &d); err != nil {
		t.Fatalf("%v in %s", err, &outputs[0])
	}
	for _, f := range d.Findings {
		if f.Found == "" || (f.Severity == "ok") != (f.Change == "") || (f.Severity == "ok") != (f.Actor == "") {
			t.Errorf("incomplete finding %+v", f)
		}
	}
	return d, outputs[1].String()
}

func cutLast(s, separator string) (before, after string, found bool) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(separator):], true
}

// applied returns cfg with the settings that doctor has written, as a reader would write them into a program.
func applied(t *testing.T, cfg consumer.Config, d documented) consumer.Config {
	t.Helper()
	for _, s := range d.Settings {
		expression, err := parser.ParseExpr(s.Value)
		if err != nil {
			t.Fatalf("%s: the value %q is not a Go expression: %v", s.Field, s.Value, err)
		}
		switch strings.TrimPrefix(s.Field, "consumer.Config.") {
		case "Issuer":
			cfg.Issuer = text(t, expression)
		case "Audience":
			cfg.Audience = texts(t, expression)
		case "ClientIDs":
			cfg.ClientIDs = texts(t, expression)
		case "Algorithms":
			cfg.Algorithms = texts(t, expression)
		case "MetadataURL":
			cfg.MetadataURL = text(t, expression)
		case "Profile":
			cfg.Profile = profileOf(t, s.Value)
		case "DiscoveryTimeout":
			cfg.DiscoveryTimeout = time.Duration(number(t, expression))
		case "ClockSkew":
			cfg.ClockSkew = time.Duration(number(t, expression))
		case "KeyCache.MaxBytes":
			cfg.KeyCache.MaxBytes = number(t, expression)
		case "MaxTokenBytes":
			cfg.MaxTokenBytes = int(number(t, expression))
		case "MaxHeaderBytes":
			cfg.MaxHeaderBytes = int(number(t, expression))
		case "InsecureAllowHTTP":
			cfg.InsecureAllowHTTP = s.Value == "true"
		case "InsecureNoAudience":
			cfg.InsecureNoAudience = s.Value == "true"
		case "InsecureAcceptIDToken":
			cfg.InsecureAcceptIDToken = s.Value == "true"
		case "Metadata":
			cfg.Metadata = metadata(t, expression)
		default:
			t.Fatalf("the tests cannot apply %s = %s", s.Field, s.Value)
		}
	}
	return cfg
}

// text evaluates a string literal.
func text(t *testing.T, e ast.Expr) string {
	t.Helper()
	literal, ok := e.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		t.Fatalf("%T is not a string literal", e)
	}
	value, err := strconv.Unquote(literal.Value)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// texts evaluates a []string.
func texts(t *testing.T, e ast.Expr) (list []string) {
	t.Helper()
	for _, element := range composite(t, e).Elts {
		list = append(list, text(t, element))
	}
	return list
}

func composite(t *testing.T, e ast.Expr) *ast.CompositeLit {
	t.Helper()
	literal, ok := e.(*ast.CompositeLit)
	if !ok {
		t.Fatalf("%T is not a composite literal", e)
	}
	return literal
}

// number evaluates a number of seconds or a power of two.
func number(t *testing.T, e ast.Expr) int64 {
	t.Helper()
	switch e := e.(type) {
	case *ast.BasicLit:
		n, err := strconv.ParseInt(e.Value, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	case *ast.SelectorExpr:
		return int64(time.Second)
	case *ast.BinaryExpr:
		x, y := number(t, e.X), number(t, e.Y)
		if e.Op == token.SHL {
			return x << y
		}
		return x * y
	}
	t.Fatalf("%T is not a number", e)
	return 0
}

// metadata evaluates a pointer to a Metadata.
func metadata(t *testing.T, e ast.Expr) *oidcdiscovery.Metadata {
	t.Helper()
	pointer, ok := e.(*ast.UnaryExpr)
	if !ok {
		t.Fatalf("%T is not a pointer", e)
	}
	var m oidcdiscovery.Metadata
	for _, element := range composite(t, pointer.X).Elts {
		pair := element.(*ast.KeyValueExpr)
		switch pair.Key.(*ast.Ident).Name {
		case "Issuer":
			m.Issuer = text(t, pair.Value)
		case "JWKSURI":
			m.JWKSURI = text(t, pair.Value)
		}
	}
	return &m
}

// profileOf evaluates the name of a variable of package consumer.
func profileOf(t *testing.T, expression string) consumer.Profile {
	t.Helper()
	names := map[string]string{
		"consumer.ProfileEntraV1": "entra-v1", "consumer.ProfileEntraV2": "entra-v2", "consumer.ProfileRFC9068": "rfc9068", "consumer.ProfileDefault": "default",
		"consumer.ProfileKeycloak": "keycloak", "consumer.ProfileGoogle": "google", "consumer.ProfileAuthentik": "authentik", "consumer.ProfileCognito": "cognito",
	}
	for _, p := range consumer.Profiles() {
		if p.String() == names[expression] {
			return p
		}
	}
	t.Fatalf("unknown profile %s", expression)
	return consumer.Profile{}
}

// newIssuer returns an issuer with an RSA key and an ECDSA key.
func newIssuer(url string) *bearertest.Issuer {
	return bearertest.NewIssuer(bearertest.IssuerConfig{URL: url, Algorithms: []string{"RS256", "ES256"}})
}
