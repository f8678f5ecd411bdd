// Command client is the MCP client that the conformance tests of the Model Context Protocol run. It lists the tools of a
// server and calls one of them, with the client of the official Go SDK. All its requests go through client.ResourceTransport,
// which is the part that the tests check.
//
//	client SERVER
//
// The tests set MCP_CONFORMANCE_SCENARIO to the name of the scenario, and MCP_CONFORMANCE_CONTEXT to a JSON object with its
// credentials. The program prints "done", or the error with which it gave up, and its status is then 1.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/bearerkit/bearerkit/client"
)

const timeLimit = 20 * time.Second

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), timeLimit)
	err := run(ctx, os.Args[len(os.Args)-1], os.Getenv("MCP_CONFORMANCE_SCENARIO"), os.Getenv("MCP_CONFORMANCE_CONTEXT"))
	cancel()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stdout, err)
		os.Exit(1)
	}
	_, _ = fmt.Fprintln(os.Stdout, "done")
}

// scenario is what a scenario tells the client in addition to the URL of the server.
type scenario struct {
	Name         string `json:"name"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	PrivateKey   string `json:"private_key_pem"`

	IDPClientID string `json:"idp_client_id"`
	IDPIssuer   string `json:"idp_issuer"`
	IDToken     string `json:"idp_id_token"`
}

func run(ctx context.Context, server, name, text string) error {
	s := scenario{Name: name}
	if text != "" {
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			return errors.New("MCP_CONFORMANCE_CONTEXT is not a JSON object")
		}
	}
	cfg, err := s.config(ctx, server)
	if err != nil {
		return err
	}
	transport, err := client.NewResourceTransport(cfg)
	if err != nil {
		return err
	}
	return use(ctx, server, &http.Client{Transport: transport})
}

// use does what every scenario needs: it opens a session, lists the tools, and calls the first one.
func use(ctx context.Context, server string, api *http.Client) error {
	session, err := mcp.NewClient(&mcp.Implementation{Name: "bearerkit-conformance", Version: "1"}, nil).Connect(ctx,
		&mcp.StreamableClientTransport{Endpoint: server, HTTPClient: api, MaxRetries: -1, DisableStandaloneSSE: true}, nil)
	if err != nil {
		return err
	}
	defer session.Close() //nolint:errcheck // the servers of the tests have no sessions
	tools, err := session.ListTools(ctx, nil)
	if err != nil {
		return err
	}
	if len(tools.Tools) == 0 {
		return errors.New("the server has no tools")
	}
	_, err = session.CallTool(ctx, &mcp.CallToolParams{Name: tools.Tools[0].Name})
	return err
}

// redirectURI is where the browser would be redirected. Nothing listens there: browse follows the redirects itself.
const redirectURI = "http://127.0.0.1:3000/callback"

// browse does what the user's browser does. The servers of the tests redirect without asking the user.
func browse(ctx context.Context, address string) (redirected string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close() //nolint:errcheck // nothing was written
	_, _ = io.Copy(io.Discard, resp.Body)
	to, err := resp.Location()
	if err != nil {
		return "", fmt.Errorf("the authorization endpoint responded with status %d: %w", resp.StatusCode, err)
	}
	return to.String(), nil
}
