document.documentElement.dataset.extension = "manifest 3";
