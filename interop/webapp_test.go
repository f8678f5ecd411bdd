package interop_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"
)

var updatePicture = flag.Bool("picture", false, "write docs/webapp.png")

const browserTime = 90 * time.Second

// TestWebapp uses examples/webapp with oidc-provider in a real browser: sign in, consent, orders, a rejected call, profile,
// and sign out.
func TestWebapp(t *testing.T) {
	t.Parallel()
	chromium := findChromium(t)
	p := startScript(t, "client.mjs")
	site := startWebapp(t, p)
	tab := startChromium(t, chromium)

	tab.open(t, site+"/auth/callback?state=x&code=y", "a.primary[href='/auth/login']")
	tab.shows(t, "h1", "The sign-in has failed")

	tab.open(t, site+"/", "#login")
	tab.click(t, "#login", "input[name=login]")
	tab.fill(t, "input[name=login]", "alice")
	tab.fill(t, "input[name=password]", "any")
	tab.click(t, "button[type=submit]", "form:has(input[value=consent])")
	tab.click(t, "form:has(input[value=consent]) button", "#logout")
	tab.shows(t, "#who", "Signed in as alice")

	tab.click(t, "[data-call='/api/report']", "#answer")
	tab.shows(t, "#status", "403 rejected")
	tab.shows(t, "#explain", "lacks the required scope")
	tab.click(t, "[data-call='/api/orders']", "#orders")
	tab.shows(t, "#status", "200 OK")
	tab.shows(t, "#explain", "identified you as alice")
	tab.shows(t, "#orders", "Teapot")
	tab.noTokens(t)
	tab.picture(t)

	tab.click(t, "#profile", "#token")
	tab.shows(t, "#claims", "alice")
	tab.shows(t, "#claims", p.issuer)
	tab.shows(t, "#token", "api:read")
	tab.shows(t, "#token", "on the server")
	tab.noTokens(t)
	tab.safeCookies(t)

	tab.click(t, "#logout button", "button[name=logout]")
	tab.click(t, "button[name=logout]", "a.primary[href='/auth/login']")
	tab.shows(t, "h1", "Signed out")
	tab.open(t, site+"/", "#hint")
	tab.open(t, site+"/profile", "input[name=login]") // the session at the provider has ended too
}

// tab is a page in a browser.
type tab struct {
	ctx context.Context //nolint:containedctx // that is how chromedp names a page
}

func (b tab) do(t *testing.T, what string, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		page, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string]("location.href + '\\n' + document.body.innerText"))
		t.Fatalf("%s: %v, at %s", what, err, page)
	}
}

// open loads an address and waits until the element seen is visible.
func (b tab) open(t *testing.T, address, seen string) {
	t.Helper()
	b.do(t, address, chromedp.Navigate(address), chromedp.WaitVisible(chromedp.CSS(seen)))
}

func (b tab) click(t *testing.T, on, seen string) {
	t.Helper()
	b.do(t, on, chromedp.Click(chromedp.CSS(on)), chromedp.WaitVisible(chromedp.CSS(seen)))
}

func (b tab) fill(t *testing.T, field, text string) {
	t.Helper()
	b.do(t, field, chromedp.SendKeys(chromedp.CSS(field), text))
}

// shows waits until an element contains a text.
func (b tab) shows(t *testing.T, where, text string) {
	t.Helper()
	find := fmt.Sprintf("document.querySelector(%q)?.innerText.includes(%q)", where, text)
	if _, err := chromedp.Run(b.ctx, chromedp.Poll[bool](find, chromedp.WithPollingTimeout(10*time.Second))); err != nil {
		page, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string]("document.body.innerText"))
		t.Fatalf("%s does not show %q: %v\n%s", where, text, err, page)
	}
}

// noTokens checks that a script finds no token anywhere in the page.
func (b tab) noTokens(t *testing.T) {
	t.Helper()
	found, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.cookie + JSON.stringify(localStorage) +
		JSON.stringify(sessionStorage) + document.documentElement.outerHTML + location.href`))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"eyJ", "access_token", "session="} {
		if strings.Contains(found, secret) {
			t.Errorf("a script finds %s in %s", secret, found)
		}
	}
}

// safeCookies checks that there is one session cookie, for this host only, and not readable by scripts.
func (b tab) safeCookies(t *testing.T) {
	t.Helper()
	all, err := chromedp.CallBrowser(b.ctx, storage.GetCookies, storage.GetCookiesParams{})
	if err != nil {
		t.Fatal(err)
	}
	sessions := 0
	for _, cookie := range all.Cookies {
		if strings.Contains(cookie.Value, "eyJ") {
			t.Errorf("the cookie %s contains a token", cookie.Name)
		}
		if cookie.Name != "session" {
			continue
		}
		sessions++
		if !cookie.HTTPOnly || cookie.Path != "/" || cookie.SameSite != network.CookieSameSiteLax || cookie.Domain != "127.0.0.1" {
			t.Errorf("%+v", cookie)
		}
	}
	if sessions != 1 {
		t.Errorf("%d session cookies, expected 1", sessions)
	}
}

// picture takes the screenshot that docs/webapp.png shows. It is not compared.
func (b tab) picture(t *testing.T) {
	t.Helper()
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil || len(png) == 0 {
		t.Fatalf("no screenshot: %v", err)
	}
	if *updatePicture {
		if err := os.WriteFile(filepath.Join("..", "docs", "webapp.png"), png, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func findChromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	unavailable(t, "interop: chromium is not installed")
	return ""
}

// startChromium starts a browser with a new profile.
func startChromium(t *testing.T, path string) tab {
	t.Helper()
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.NoDefaultBrowserCheck, chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1100, 720),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.WSURLReadTimeout(browserTime),
	}
	ctx, cancel := context.WithTimeout(context.Background(), browserTime) // the browser must end before the context of the test
	t.Cleanup(cancel)
	ctx, cancelAllocator := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancelAllocator)
	ctx, cancelTab := chromedp.NewContext(ctx)
	t.Cleanup(cancelTab)
	t.Cleanup(func() { _ = chromedp.Cancel(ctx) }) // it waits until the browser has ended
	return tab{ctx}
}

// startWebapp registers the application at the provider (RFC 7591) and starts it.
func startWebapp(t *testing.T, p *oidcProvider) (site string) {
	t.Helper()
	free, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	site = "http://" + addr
	id, secret := register(t, p, map[string]any{
		"redirect_uris": []string{site + "/auth/callback"}, "post_logout_redirect_uris": []string{site + "/signed-out"},
		"grant_types": []string{"authorization_code"}, "response_types": []string{"code"}, "scope": "openid api:read",
	})
	program := filepath.Join(t.TempDir(), "webapp")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./webapp")
	build.Dir = filepath.Join("..", "examples")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, program, "-addr", addr, "-issuer", p.issuer, "-client-id", id, "-client-secret", secret,
		"-resource", "https://api.example", "-scopes", "openid api:read", "-api-scope", "api:read")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was ended by a signal
		if t.Failed() {
			t.Logf("output of webapp:\n%s", stderr.String())
		}
	})
	if _, err := stdout.Read(make([]byte, 1)); err != nil { // it prints its address when it listens
		t.Fatalf("webapp does not start: %v", err)
	}
	return site
}

// register registers a web application with this metadata.
func register(t *testing.T, p *oidcProvider, metadata map[string]any) (id, secret string) {
	t.Helper()
	body, err := json.Marshal(metadata)
	if err != nil {
		t.Fatal(err)
	}
	r := newRequest(t, http.MethodPost, p.issuer+"/reg", string(body))
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var registered struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
		Error  string `json:"error_description"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&registered); err != nil || registered.Secret == "" {
		t.Fatal(registered.Error, err)
	}
	return registered.ID, registered.Secret
}
