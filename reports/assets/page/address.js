// The address of an estimate: #sensitivity/sex=F. Older ones open with est: or dis:.
const fragmentOf = (id) =>
  "#" + encodeURI(id).replaceAll("#", "%23").replaceAll("%5B", "[").replaceAll("%5D", "]");
const wantedIn = (hash) => {
  const raw = hash.slice(1);
  try {
    return decodeURIComponent(raw).replace(/^(est|dis):/, "");
  } catch {
    return raw;
  }
};
const copyLink = async (x) => {
  history.replaceState(null, "", fragmentOf(x.id));
  try {
    await navigator.clipboard.writeText(location.href);
    say(`Link copied: ${nameOf(x)}`, true);
  } catch {
    say(`The link is in the address bar: ${nameOf(x)}`, true);
  }
};

const unmark = () => {
  for (const old of $$(".found")) {
    old.classList.remove("found");
    old.removeAttribute("aria-current");
  }
};
const mark = (element) => {
  unmark();
  element.classList.add("found");
  element.setAttribute("aria-current", "true");
};
