package interop_test

import (
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// No server listens there. The tests check only that the browser is sent to it.
const nobody = "127.0.0.1:9"

var (
	formAction = regexp.MustCompile(`<form(?:[^>]*action="([^"]*)")?`)
	formInput  = regexp.MustCompile(`<input[^>]*>`)
	inputName  = regexp.MustCompile(`name="([^"]*)"`)
	inputValue = regexp.MustCompile(`value="([^"]*)"`)
)

// comeBack signs the user in, consents, and returns the query or the form that reaches the redirect URI.
func (b browser) comeBack(t *testing.T, start string) url.Values {
	t.Helper()
	return paramsOf(t, b.visit(t, start, nil))
}

// refuse cancels on the first page.
func (b browser) refuse(t *testing.T, start string) url.Values {
	t.Helper()
	next := newRequest(t, http.MethodGet, start, "")
	for range 5 {
		page, redirected := b.open(t, next)
		if page != "" {
			return paramsOf(t, b.visit(t, next.URL.JoinPath("abort").String(), nil))
		}
		next = redirected
	}
	t.Fatal("there is no page to turn back at")
	return nil
}

func paramsOf(t *testing.T, r *http.Request) url.Values {
	t.Helper()
	if r.URL.Host != nobody {
		t.Fatalf("the way ended at %s", r.URL)
	}
	if err := r.ParseForm(); err != nil {
		t.Fatal(err)
	}
	return r.Form
}

// walk calls visit and ignores the body of the last request.
func (b browser) walk(t *testing.T, start string, answers url.Values) *url.URL {
	t.Helper()
	return b.visit(t, start, answers).URL
}

// visit follows redirects and submits each form as a user would. It stops if there is no form, if the user cancels, or at an
// address without a server. answers contains values for other inputs and buttons.
func (b browser) visit(t *testing.T, start string, answers url.Values) *http.Request {
	t.Helper()
	next := newRequest(t, http.MethodGet, start, "")
	for aborted := false; ; {
		if next.URL.Host == nobody {
			return next
		}
		if b.steps--; b.steps < 0 {
			t.Fatal("the way does not end")
		}
		page, redirected := b.open(t, next)
		if page == "" {
			next = redirected
			continue
		}
		action := formAction.FindStringSubmatch(page)
		if action == nil || aborted {
			return next
		}
		target, err := next.URL.Parse(html.UnescapeString(action[1])) // a form without an action is sent to the page itself
		if err != nil {
			t.Fatal(err)
		}
		aborted = answers.Has("abort") && strings.Contains(page, `name="abort"`)
		next = newRequest(t, http.MethodPost, target.String(), fillIn(page, answers).Encode())
	}
}

// open returns the page, or the target of its redirect.
func (b browser) open(t *testing.T, r *http.Request) (page string, next *http.Request) {
	t.Helper()
	resp, err := b.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	if location, err := resp.Location(); err == nil {
		return "", newRequest(t, http.MethodGet, location.String(), "")
	}
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s\n%s", r.Method, r.URL, resp.Status, text)
	}
	return string(text), nil
}

// fillIn fills in the inputs of the form on the page.
func fillIn(page string, answers url.Values) url.Values {
	form := make(url.Values)
	known := url.Values{"login": {"alice"}, "password": {"any"}}
	for _, input := range formInput.FindAllString(page, -1) {
		name, value := inputName.FindStringSubmatch(input), inputValue.FindStringSubmatch(input)
		switch {
		case name == nil:
		case value != nil:
			form.Set(name[1], html.UnescapeString(value[1]))
		case known.Has(name[1]):
			form[name[1]] = known[name[1]]
		}
	}
	for name, values := range answers { // inputs, and the button that the user chooses
		if strings.Contains(page, `name="`+name+`"`) {
			form[name] = values
		}
	}
	return form
}
