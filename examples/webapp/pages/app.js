// This script has no token. The browser has a session cookie, which no script can read.
const $ = (id) => document.getElementById(id);
const show = (id, visible) => { if ($(id)) $(id).hidden = !visible; };

const reasons = {
  401: 'You are no longer signed in.',
  403: 'The API rejected the request: the token lacks the required scope.',
  503: 'The provider cannot be reached. Please try again in a few minutes.',
};

async function load() {
  const session = await (await fetch('/auth/session')).json();
  const claims = session.claims ?? {};
  $('who').textContent = session.signed_in ? `Signed in as ${claims.name ?? claims.email ?? claims.sub ?? 'an unknown user'}` : '';
  for (const id of ['login', 'hint']) show(id, !session.signed_in);
  for (const id of ['profile', 'logout', 'calls']) show(id, session.signed_in);
}

function row({ number, item, status }) {
  const line = document.createElement('tr');
  for (const text of [number, item, status]) line.insertCell().textContent = text;
  return line;
}

async function call(path) {
  const response = await fetch(path);
  const body = await response.json().catch(() => ({})); // an error may have no JSON
  if (body.error === 'insufficient_user_authentication') { // the API requires a stronger sign-in; the login returns to this page
    location.assign(`${body.login}&return_to=${encodeURIComponent(location.pathname)}`);
    return;
  }
  $('status').textContent = `${response.status} ${response.ok ? 'OK' : 'rejected'}`;
  $('status').classList.toggle('good', response.ok);
  $('call').textContent = `GET ${path}`;
  $('explain').textContent = response.ok ? `The API identified you as ${body.subject}.` : reasons[response.status] ?? 'The request failed.';
  document.querySelector('#orders tbody').replaceChildren(...(body.orders ?? []).map(row));
  show('orders', response.ok);
  show('answer', true);
}

for (const button of document.querySelectorAll('[data-call]')) {
  button.addEventListener('click', () => call(button.dataset.call).catch(() => { $('explain').textContent = 'The shop cannot be reached.'; show('answer', true); }));
}
load().catch(() => { $('who').textContent = 'The shop cannot be reached.'; });
