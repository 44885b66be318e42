// The square on a slip leads here with the code behind a #, which browsers keep to themselves: fill it in, then forget it.
const code = decodeURIComponent(location.hash.slice(1));
if (code) {
  document.getElementById("code").value = code;
  history.replaceState(null, "", location.pathname + location.search);
  document.getElementById("address").focus();
}
