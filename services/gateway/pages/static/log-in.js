import { furnish, logIn, showTrouble } from "./base/api.js";
import { find, whileBusy } from "./base/dom.js";

const HOME = { organizer: "/programs", operator: "/programs", mentor: "/me", mentee: "/me" };

furnish();
handle(find("#by-code"), "access_code");
handle(find("#by-password"), "password");

// A code in the fragment (of a link or a QR code on the invitation) never reaches a server's log.
const code = new URLSearchParams(location.hash.slice(1)).get("code");
if (code) {
  find("#access-code").value = code;
  history.replaceState(null, "", location.pathname + location.search);
  find("#by-code").requestSubmit();
}

function handle(form, name) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    whileBusy(find("button", form), async () => {
      try {
        const { role } = await logIn({ [name]: form.elements[name].value.trim() });
        location.assign(next(role));
      } catch (error) {
        showTrouble(error);
        form.elements[name].focus();
        form.elements[name].select();
      }
    });
  });
}

/** Where one wanted to go, if it is a page of ours. */
function next(role) {
  const wish = new URLSearchParams(location.search).get("next") ?? "";
  const ours = /^\/(programs|wall)(\/|$)/.test(wish) && role === "organizer";
  return ours ? wish : (HOME[role] ?? "/me");
}
