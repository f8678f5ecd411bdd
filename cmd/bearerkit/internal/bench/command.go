package bench

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/token"
)

const long = `Send a bounded number of requests to one guarded route, and measure throughput and latency.

The kinds of requests are:

  cold       each valid token once, as for the first request of a user
  cached     one valid token again and again
  distinct   all valid tokens in rotation; requires several
  none       no token
  malformed  a token that is not a JWT
  signature  a valid JWT with a changed signature
  expired    a JWT of the token file that expired more than 5 minutes ago

Without --kind, all kinds are measured for which there are tokens. Valid tokens come from --token-file, one in each line, or
from BEARERKIT_TOKEN, and from the authorization server with --fetch. The flags and variables for --fetch are those of the command
token.

The host of the URL must be a loopback address. For any other host, https and --confirm-target are required. Redirects are not
followed, and no proxy is used. A kind ends early after 20 failures in a row.`

const example = `  bearerkit bench http://127.0.0.1:8080/orders
  bearerkit token | bearerkit bench --token-file - http://127.0.0.1:8080/orders
  bearerkit bench --fetch 20 --scope orders:read http://127.0.0.1:8080/orders
  bearerkit bench --token-file tokens.txt --kind cached,distinct --duration 10s http://127.0.0.1:8080/orders`

// flags are the flags of the command.
type flags struct {
	options   Options
	kinds     []string
	tokenFile string
	caFile    string
	client    *token.Flags // of the client that gets tokens
	fetched   int          // number of tokens to get
}

// Command returns the command bench.
func Command(env *cli.Env) *cobra.Command {
	f := new(flags)
	c := &cobra.Command{
		Use:     "bench URL",
		Short:   "Measure a guarded endpoint with valid and rejected tokens",
		Long:    long,
		Example: example,
		Args:    oneURL,
	}
	f.register(c)
	f.client = token.NewFlags(env, c)
	c.RunE = func(c *cobra.Command, args []string) error {
		f.options.URL = args[0]
		return f.run(c.Context(), env)
	}
	return c
}

// oneURL requires that the only argument is the URL of the target.
func oneURL(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return cli.Usagef("bench: %d arguments, expected one: the URL of the API, such as http://127.0.0.1:8080/orders", len(args))
	}
	return nil
}

// register adds the flags to c.
func (f *flags) register(c *cobra.Command) {
	o, set := &f.options, c.Flags()
	set.StringVar(&f.tokenFile, "token-file", "", "`file` with valid tokens, one in each line; - is the standard input [BEARERKIT_TOKEN]")
	set.StringSliceVar(&f.kinds, "kind", nil, "`kinds` of requests; all for which there are tokens if empty")
	set.DurationVarP(&o.Duration, "duration", "d", 0, "longest time for each kind, at most 10m (default 5s, or no limit of its own with --requests)")
	set.IntVarP(&o.Requests, "requests", "n", 0, "largest number of requests for each kind, at most 10000000")
	set.IntVarP(&o.Concurrency, "concurrency", "c", defaultConcurrency, "number of connections, at most 256")
	set.IntVar(&o.Rate, "rate", 0, "largest number of requests per second, at most 100000 (default no limit)")
	set.DurationVar(&o.Timeout, "timeout", defaultTimeout, "longest time for each request, at most 1m")
	set.StringVar(&o.Method, "method", "GET", "`method` of the requests: GET, HEAD or POST")
	set.IntSliceVar(&o.Expect, "expect", nil, "expected `statuses` of requests with valid tokens (default 200 to 299)")
	set.IntSliceVar(&o.ExpectRejected, "expect-rejected", nil, "expected `statuses` of all other requests (default 401)")
	set.StringVar(&o.ConfirmTarget, "confirm-target", "", "`host` of the URL, to confirm that you may send load to a host that is not a loopback address")
	set.StringVar(&f.caFile, "ca-file", "", "PEM `file` with the certificates that an https target is verified with (default those of the system)")
	set.IntVar(&f.fetched, "fetch", 0, "number of tokens to get with the client credentials grant, at most 100")
	complete(c, "kind", kindNames())
	complete(c, "method", methods())
}

// complete makes the shell complete the values of a flag.
func complete(c *cobra.Command, flag string, values []string) {
	// An error says that the flag does not exist, or that it has been completed before.
	_ = c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// kindNames returns the names of all kinds.
func kindNames() []string {
	var names []string
	for _, kind := range Kinds() {
		names = append(names, string(kind))
	}
	return names
}

// run measures the target and writes the report.
func (f *flags) run(ctx context.Context, env *cli.Env) error {
	options, err := f.options.withDefaults()
	if err != nil {
		return cli.Usagef("%w", err)
	}
	kinds, err := parseKinds(f.kinds)
	if err != nil {
		return err
	}
	t, err := f.target(env)
	if err != nil {
		return err
	}
	supplied, err := f.supplied(env)
	if err != nil {
		return err
	}
	// The target is checked before tokens are requested, and before any token is sent.
	if err := t.locate(ctx); errors.Is(err, errTarget) {
		return cli.Usagef("%w", err)
	} else if err != nil {
		return err
	}
	tokens, err := f.tokens(ctx, env, supplied)
	if err != nil {
		return err
	}
	all, err := loads(kinds, tokens, t, options)
	if err != nil {
		return cli.Usagef("%w", err)
	}
	r := measure(ctx, env, &report{target: t, opts: options}, all)
	return r.publish(env)
}

// parseKinds returns the kinds of the flag --kind.
func parseKinds(names []string) ([]Kind, error) {
	var kinds []Kind
	for _, name := range names {
		if !slices.Contains(kindNames(), name) {
			return nil, cli.Usagef("bench: --kind is %s, expected some of %s", cli.QuoteWord(name, kindNames()...), strings.Join(kindNames(), ", "))
		}
		kinds = append(kinds, Kind(name))
	}
	return kinds, nil
}

// maxCAFile is the number of bytes of the file of --ca-file.
const maxCAFile = 1 << 20

// target returns the target of the flags.
func (f *flags) target(env *cli.Env) (*target, error) {
	t, err := parseTarget(f.options.URL, f.options.ConfirmTarget)
	if err != nil {
		return nil, cli.Usagef("%w", err)
	}
	if f.caFile == "" {
		return t, nil
	}
	text, err := env.ReadFile(f.caFile, maxCAFile)
	if err != nil {
		return nil, cli.Usagef("bench: --ca-file: %w", err)
	}
	t.roots = x509.NewCertPool()
	if !t.roots.AppendCertsFromPEM(text) {
		return nil, cli.Usagef("bench: --ca-file: %s has no certificate, expected PEM", cli.Quote(f.caFile))
	}
	return t, nil
}

// tokens returns the tokens that the user supplies, and those of --fetch.
func (f *flags) tokens(ctx context.Context, env *cli.Env, supplied []byte) (Tokens, error) {
	fetched, err := f.fetch(ctx, env)
	if err != nil {
		return Tokens{}, err
	}
	tokens, err := ParseTokens(slices.Concat(supplied, []byte("\n"), fetched), time.Now())
	if err != nil {
		return Tokens{}, cli.Usagef("%w", err)
	}
	if f.fetched > 1 && len(tokens.Valid) == 1 {
		fmt.Fprintln(env.Stderr, "bearerkit: the authorization server returned the same token each time")
	}
	return tokens, nil
}

// supplied returns the text with the tokens that the user supplies. ParseTokens accepts it.
func (f *flags) supplied(env *cli.Env) ([]byte, error) {
	token, err := env.Secret("--token-file", "", "BEARERKIT_TOKEN")
	text := []byte(token)
	if f.tokenFile != "" {
		text, err = env.ReadFile(f.tokenFile, maxTokenFile)
	}
	if err != nil {
		return nil, cli.Usagef("bench: --token-file: %w", err)
	}
	if _, err := ParseTokens(text, time.Now()); err != nil {
		return nil, cli.Usagef("%w", err)
	}
	return text, nil
}

// publish writes the report. It returns cli.ErrFailed if something was not as expected.
func (r *report) publish(env *cli.Env) error {
	if env.JSON() {
		if err := env.WriteJSON(r.document()); err != nil {
			return err
		}
	} else {
		var text strings.Builder
		r.write(&text, env.Width())
		if _, err := fmt.Fprint(env.Stdout, cli.Clean(text.String())); err != nil {
			return err
		}
	}
	if !r.ok() {
		return cli.ErrFailed
	}
	return nil
}
