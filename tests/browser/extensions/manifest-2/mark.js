document.documentElement.dataset.extension = "manifest 2";
