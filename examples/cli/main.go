// Command cli signs its user in, with a browser on this machine or with a code on another device. Then it calls an API with
// the access token. Run it in the folder examples. Without the flag -issuer, it starts a demonstration provider in the same
// process:
//
//	go run ./cli
//	go run ./cli -flow device
//
// With -issuer, it uses your provider. It stores the token in a file that only the user can read. The next run then needs no
// sign-in, until a run with -sign-out deletes the token:
//
//	go run ./cli -issuer https://login.example.com -client-id cli -api https://api.example.com/me
//	go run ./cli -issuer https://login.example.com -client-id cli -sign-out
//
// In a container, set -listen to an address of the container. Publish the port on the loopback interface of the machine with
// the browser:
//
//	docker run -p 127.0.0.1:8080:8080 … -issuer https://login.example.com -client-id cli -port 8080 -listen 0.0.0.0:8080
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
	client  client.Config // the issuer, the registration of this program there, and the scopes to request
	flow    string        // how the user signs in: "loopback" or "device"
	browser browserFlags  // the redirect URI, if flow is "loopback"
	api     string        // the URL to call; empty: the userinfo endpoint
	folder  string        // where the token is stored; empty: in the configuration folder of the user
	signOut bool          // sign out instead of calling the API
}

// parse reads the flags, and returns an error if one is not valid.
func (o *options) parse(args []string) error {
	// Some flags are fields of the client.Config, so they are stored there at once.
	flags := flag.NewFlagSet("cli", flag.ContinueOnError)
	flags.StringVar(&o.flow, "flow", "loopback", "how to sign in: loopback or device")
	flags.StringVar(&o.api, "api", "", "URL to call with the token; empty: the userinfo endpoint of the provider")
	flags.StringVar(&o.folder, "tokens", "", "folder for the token; empty: bearerkit-cli in the configuration folder of the user; not used without -issuer")
	o.browser.register(flags)
	flags.BoolVar(&o.signOut, "sign-out", false, "delete the token here and revoke it at the provider")
	scopes := flags.String("scope", "openid profile", "scopes to request; some providers issue a refresh token only with offline_access")
	flags.StringVar(&o.client.Issuer, "issuer", "", "OpenID provider; empty: start a demonstration provider")
	flags.StringVar(&o.client.ClientID, "client-id", "", "client id; required with -issuer, and not used without it")
	flags.StringVar(&o.client.ClientSecret, "client-secret", "", "client secret; empty: a public client")
	if err := flags.Parse(args); err != nil {
		return err
	}
	// A Config has a list of scopes; the flag has one text, as in the parameter scope.
	o.client.Scopes = strings.Fields(*scopes)
	if o.flow != "loopback" && o.flow != "device" {
		return errors.New("cli: -flow must be loopback or device")
	}
	return nil
}

// run is the whole program: it signs the user in, or uses the stored token, and calls the API. Tests call it with other
// arguments, and read what it prints from stdout.
func run(ctx context.Context, args []string, stdout io.Writer) (err error) {
	var o options
	if err := o.parse(args); err != nil {
		return err
	}
	// No -issuer: use the demonstration provider, and a temporary folder for the tokens.
	if o.client.Issuer == "" {
		// The tokens are useless after this run, because the demonstration provider ends with the program.
		if o.folder, err = os.MkdirTemp("", "bearerkit-cli-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(o.folder)) }()
		if err := o.ownProvider(ctx); err != nil {
			return err
		}
		_, _ = fmt.Fprintf(stdout, "Sign in as %s with the password %s.\n\n", signin.User, signin.Password)
	}
	// From here on, it makes no difference which provider is used.
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

// ownProvider starts the demonstration provider, and sets o.client to a client that is registered there. The client for
// the device flow has a secret; the one for the browser is a public client.
func (o *options) ownProvider(ctx context.Context) (err error) {
	o.client.ClientID = signin.NativeClient
	if o.flow == "device" {
		o.client.ClientID, o.client.ClientSecret = signin.DeviceClient, signin.DeviceSecret
	}
	o.client.Issuer, err = signin.Start(ctx, "")
	return err
}

// newSession returns a session that stores its token in o.folder. The key of the token contains the issuer, the client id
// and the scopes, so that a run with other values for these flags does not use the same token.
func (o *options) newSession(stdout io.Writer) (*session, error) {
	c, err := client.New(o.client)
	if err != nil {
		return nil, err
	}
	if o.folder == "" {
		// The folder of the user's configuration, such as ~/.config on Linux.
		own, err := os.UserConfigDir()
		if err != nil {
			return nil, err
		}
		o.folder = filepath.Join(own, "bearerkit-cli")
	}
	// NewFileTokens creates the folder for this user only. It returns an error if other users can write to the folder.
	tokens, err := client.NewFileTokens(o.folder)
	if err != nil {
		return nil, err
	}
	key := strings.Join([]string{o.client.Issuer, o.client.ClientID, cmp.Or(strings.Join(o.client.Scopes, " "), "-")}, "\n")
	browser, err := o.browser.options()
	if err != nil {
		return nil, err
	}
	browser.Out = stdout
	return &session{client: c, tokens: tokens, key: key, out: stdout, browser: browser}, nil
}
