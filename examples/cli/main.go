// Command cli signs its user in, with a browser on this machine or with a code on another device. It stores the token in a file
// that only the user can read, and calls an API with it. The next run needs no sign-in. It starts a provider for the
// demonstration, or uses another:
//
//	go run ./cli
//	go run ./cli -flow device
//	go run ./cli -issuer https://login.example.com -client-id cli -api https://api.example.com/me
//	go run ./cli -issuer https://login.example.com -client-id cli -sign-out
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/examples/internal/demo"
	"github.com/bearerkit/bearerkit/examples/internal/signin"
)

func main() { demo.Main(run) }

// options are the flags of the program.
type options struct {
	client            client.Config
	flow, api, folder string
	signOut           bool
}

// parse reads the flags, and reports those that make no sense.
func (o *options) parse(args []string) error {
	flags := flag.NewFlagSet("cli", flag.ContinueOnError)
	flags.StringVar(&o.flow, "flow", "loopback", "how to sign in: loopback or device")
	flags.StringVar(&o.api, "api", "", "URL to call with the token; empty: the userinfo endpoint of the provider")
	flags.StringVar(&o.folder, "tokens", "", "folder for the token; empty: bearerkit-cli in the configuration folder of the user")
	flags.BoolVar(&o.signOut, "sign-out", false, "delete the token here and revoke it at the provider")
	scopes := flags.String("scope", "openid profile", "scopes to request; some providers issue a refresh token only with offline_access")
	flags.StringVar(&o.client.Issuer, "issuer", "", "OpenID provider; empty: the demonstration provider")
	flags.StringVar(&o.client.ClientID, "client-id", "", "client id")
	flags.StringVar(&o.client.ClientSecret, "client-secret", "", "client secret; empty: a public client")
	if err := flags.Parse(args); err != nil {
		return err
	}
	o.client.Scopes = strings.Fields(*scopes)
	if o.flow != "loopback" && o.flow != "device" {
		return errors.New("cli: -flow must be loopback or device")
	}
	return nil
}

// run is the whole program. Tests call it with arguments and an output of their own.
func run(ctx context.Context, args []string, stdout io.Writer) (err error) {
	var o options
	if err := o.parse(args); err != nil {
		return err
	}
	if o.client.Issuer == "" {
		if o.folder, err = os.MkdirTemp("", "bearerkit-cli-"); err != nil { // its tokens are worthless when the program ends
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(o.folder)) }()
		if err := o.ownProvider(ctx); err != nil {
			return err
		}
		_, _ = fmt.Fprintf(stdout, "Sign in as %s with the password %s.\n\n", signin.User, signin.Password)
	}
	s, err := o.newSession(stdout)
	if err != nil {
		return err
	}
	if o.signOut {
		return s.signOut(ctx)
	}
	if err := s.signIn(ctx, o.flow); err != nil {
		return err
	}
	return s.call(ctx, o.api)
}

// ownProvider starts the demonstration provider, and uses a client that is registered there. The one for the device flow has a
// secret.
func (o *options) ownProvider(ctx context.Context) (err error) {
	o.client.ClientID = signin.NativeClient
	if o.flow == "device" {
		o.client.ClientID, o.client.ClientSecret = signin.DeviceClient, signin.DeviceSecret
	}
	o.client.Issuer, err = signin.Start(ctx, "")
	return err
}

// newSession opens the folder of the tokens. The key of a token contains the issuer, the client id and the scopes, so that a run
// with other flags does not use the token of this one.
func (o *options) newSession(stdout io.Writer) (*session, error) {
	c, err := client.New(o.client)
	if err != nil {
		return nil, err
	}
	if o.folder == "" {
		own, err := os.UserConfigDir()
		if err != nil {
			return nil, err
		}
		o.folder = filepath.Join(own, "bearerkit-cli")
	}
	tokens, err := client.NewFileTokens(o.folder)
	if err != nil {
		return nil, err
	}
	key := strings.Join([]string{o.client.Issuer, o.client.ClientID, cmp.Or(strings.Join(o.client.Scopes, " "), "-")}, "\n")
	return &session{client: c, tokens: tokens, key: key, out: stdout}, nil
}
